/**
 * CIDEr of generated text, as coco-caption computes it.
 *
 * @module
 */

import { countGrams, type Grams } from "./ngrams.ts";
import { requireReferences } from "./segments.ts";
import { type Tokenization, tokenizer } from "./tokenization.ts";

/** Settings of {@linkcode cider}. */
export interface CiderOptions {
  /** How texts become tokens; `ptb` by default. */
  readonly tokenization?: Tokenization;
}

const highestOrder = 4;

/** Standard deviation of the penalty on a difference in length, in tokens. */
const deviation = 6;

/**
 * CIDEr of a corpus: of each segment the mean similarity to its references, and the mean over
 * segments, from 0 to 10. An n-gram weighs the more, the fewer segments have it in their references,
 * so that a score depends on the whole set; of one segment alone it is 0. Empty references are left
 * out.
 *
 * What coco-caption and e2e-metrics call CIDEr is nearly the CIDEr-D of its paper: matches are
 * clipped and lengths compared. Theirs alone takes a text's number of 2-grams for its length.
 *
 * Source: Vedantam et al., https://arxiv.org/abs/1411.5726; https://github.com/tylin/coco-caption
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If the tokenization is unknown
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const texts = ["a small dog ran home", "two cats sat there"];
 * assertAlmostEquals(cider(texts, texts.map((text) => [text])), 10, 1e-12);
 * ```
 */
export function cider(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { tokenization = "ptb" }: CiderOptions = {},
): number {
  const tokens = tokenizer(tokenization);
  const lists = requireReferences("CIDEr", hypotheses, references).map((list) => list.map(tokens));
  const texts = hypotheses.map(tokens);
  let total = 0;
  for (let order = 1; order <= highestOrder; order++) {
    const counts = lists.map((list) => list.map((reference) => countGrams(reference, order)));
    const weight = rareness(counts);
    texts.forEach((words, segment) => {
      const grams = countGrams(words, order);
      const list = lists[segment]!;
      list.forEach((reference, i) => {
        const difference = pairs(words) - pairs(reference);
        const nearness = Math.exp(-(difference ** 2) / (2 * deviation ** 2));
        total += nearness * similarity(grams, counts[segment]![i]!, weight) / list.length;
      });
    });
  }
  return 10 * total / highestOrder / texts.length;
}

type Weight = (gram: string) => number;

/** Weighs an n-gram by how few segments hold it in any reference. */
function rareness(counts: readonly (readonly Grams[])[]): Weight {
  const holders = new Map<string, number>();
  for (const list of counts) {
    for (const gram of new Set(list.flatMap((grams) => [...grams.keys()]))) {
      holders.set(gram, (holders.get(gram) ?? 0) + 1);
    }
  }
  for (const [gram, number] of holders) holders.set(gram, Math.log(counts.length / number));
  const unseen = Math.log(counts.length);
  return (gram) => holders.get(gram) ?? unseen;
}

/** Cosine of weighed counts, in which none of the hypothesis counts beyond the reference's. */
function similarity(hypothesis: Grams, reference: Grams, weight: Weight): number {
  let product = 0;
  for (const [gram, count] of hypothesis) {
    const other = reference.get(gram);
    if (other !== undefined) product += Math.min(count, other) * other * weight(gram) ** 2;
  }
  return product === 0 ? 0 : product / (norm(hypothesis, weight) * norm(reference, weight));
}

function norm(grams: Grams, weight: Weight): number {
  let squares = 0;
  for (const [gram, count] of grams) squares += (count * weight(gram)) ** 2;
  return Math.sqrt(squares);
}

function pairs(words: readonly string[]): number {
  return Math.max(0, words.length - 1);
}
