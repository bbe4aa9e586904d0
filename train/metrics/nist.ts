/**
 * The NIST score of generated text, with the tokenisation of mteval-v13a.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { clippedMatches, countGrams, type Grams } from "./ngrams.ts";
import { lowered, requireReferences } from "./segments.ts";
import { tokenizer } from "./tokenization.ts";

/**
 * How long the references are taken to be where segments have different numbers of them: `mteval`
 * divides all words by the mean number of references, `pymteval` adds up the mean of each segment.
 */
export type NistConvention = "mteval" | "pymteval";

/** Settings of {@linkcode nist}. */
export interface NistOptions {
  /** Which of the two programs of e2e-metrics to equal; `mteval`, its default, by default. */
  readonly convention?: NistConvention;
}

const highestOrder = 5;

/** A hypothesis with two thirds of the words of the references scores half of its precision. */
const lengthWeight = Math.log(2) / Math.log(1.5) ** 2;

/**
 * NIST of a corpus: matches of 1-grams to 5-grams weighed by how much the last word tells, times a
 * penalty for hypotheses that are too short.
 *
 * The two programs of e2e-metrics differ where numbers of references do: see
 * {@linkcode NistConvention}. `mteval` compares texts with lower ASCII letters, leaves empty
 * references out, and weighs the word behind a single `0` as one at the start. `pymteval` compares
 * texts in lower case, takes a text without a word as one empty word, lets hypotheses of less than 5
 * words lower the number of n-grams below 0, and scores 0 where one of these numbers is 0.
 *
 * Source: Doddington, https://dl.acm.org/doi/10.5555/1289189.1289273; mteval-v13a-sig.pl and
 * pymteval.py of https://github.com/tuetschek/e2e-metrics
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If the convention is unknown
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * // Each of 4 words tells 2 bits; behind the first, the next one is certain.
 * assertAlmostEquals(nist(["the dog ran home"], [["The dog ran home"]]), 2, 1e-12);
 * ```
 */
export function nist(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { convention = "mteval" }: NistOptions = {},
): number {
  if (convention !== "mteval" && convention !== "pymteval") {
    throw new OptionError(
      `Cannot compute NIST as the convention must be mteval or pymteval: found ${convention}`,
    );
  }
  const isPython = convention === "pymteval";
  const split = tokenizer(convention);
  const tokens = (text: string) => split(lowered(text, isPython || "ascii"));
  const given = requireReferences("NIST", hypotheses, references);
  const lists = (isPython ? references : given).map((list) => list.map(tokens));
  const texts = hypotheses.map(tokens);
  let score = 0;
  const words = sum(lists.flat().map((words) => words.length));
  let prefixes: Grams = new Map([["", words]]);
  for (let order = 1; order <= highestOrder; order++) {
    const grams = lists.map((list) => list.map((reference) => countGrams(reference, order)));
    const all = addGrams(grams.flat());
    let total = 0, information = 0;
    texts.forEach((hypothesis, segment) => {
      const length = hypothesis.length - order + 1;
      total += isPython ? length : Math.max(0, length);
      for (const [gram, count] of clippedMatches(countGrams(hypothesis, order), grams[segment]!)) {
        const prefix = gram.slice(0, Math.max(0, gram.lastIndexOf(" ")));
        information += count * Math.log2(prefixes.get(prefix)! / all.get(gram)!);
      }
    });
    if (isPython && total === 0) return 0;
    score += information / (total || 1);
    // To Perl the prefix "0" is false, as an empty one is.
    prefixes = order === 1 && !isPython && all.has("0") ? new Map([...all, ["0", words]]) : all;
  }
  const length = sum(texts.map((words) => words.length));
  return score * penalty(length / referenceLength(lists, convention));
}

function addGrams(texts: readonly Grams[]): Grams {
  const all = new Map<string, number>();
  for (const grams of texts) {
    for (const [gram, count] of grams) all.set(gram, (all.get(gram) ?? 0) + count);
  }
  return all;
}

function referenceLength(
  lists: readonly (readonly (readonly string[])[])[],
  convention: NistConvention,
): number {
  const words = lists.map((list) => sum(list.map((reference) => reference.length)));
  if (convention === "pymteval") return sum(words.map((count, i) => count / lists[i]!.length));
  return sum(words) / (lists.flat().length / lists.length);
}

function penalty(ratio: number): number {
  if (ratio >= 1) return 1;
  return ratio > 0 ? Math.exp(-lengthWeight * Math.log(ratio) ** 2) : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
