/**
 * ROUGE-L of generated text, as coco-caption computes it.
 *
 * @module
 */

import { requireReferences } from "./segments.ts";
import { type Tokenization, tokenizer } from "./tokenization.ts";

/** Settings of {@linkcode rougeL}. */
export interface RougeOptions {
  /** How texts become tokens; `ptb` by default. */
  readonly tokenization?: Tokenization;
}

/** How much more recall weighs than precision. */
const beta = 1.2;

/**
 * ROUGE-L of a corpus from 0 to 1: of each segment the F-measure of its longest common subsequence
 * with the references, and the mean over segments. Empty references are left out.
 *
 * Precision and recall are each the best over all references, which need not be the same one: so in
 * coco-caption and e2e-metrics, not in Lin's program.
 *
 * Source: Lin, https://aclanthology.org/W04-1013; https://github.com/tylin/coco-caption
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If the tokenization is unknown
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * // Three words in common: precision 3/4 and recall 3/3.
 * const score = rougeL(["the dog ran home"], [["the dog ran"]]);
 * assertAlmostEquals(score, 2.44 * 0.75 / (1 + 1.44 * 0.75), 1e-12);
 * ```
 */
export function rougeL(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { tokenization = "ptb" }: RougeOptions = {},
): number {
  const split = tokenizer(tokenization);
  // To coco-caption a text without a word is one empty word, which equals another.
  const tokens = (text: string) => {
    const words = split(text);
    return words.length > 0 ? words : [""];
  };
  const lists = requireReferences("ROUGE-L", hypotheses, references);
  const scores = hypotheses.map((text, segment) => {
    const hypothesis = tokens(text);
    let precision = 0, recall = 0;
    for (const reference of lists[segment]!.map(tokens)) {
      const common = commonLength(hypothesis, reference);
      precision = Math.max(precision, common / hypothesis.length);
      recall = Math.max(recall, common / reference.length);
    }
    return recall === 0
      ? 0
      : (1 + beta ** 2) * precision * recall / (recall + beta ** 2 * precision);
  });
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const token of a) {
    const next = [0];
    b.forEach((other, j) => {
      next.push(token === other ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    });
    row = next;
  }
  return row[b.length]!;
}
