/**
 * chrF and chrF++: F-scores of character n-grams, and of word n-grams beside them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { requireReferences, splitWords } from "./segments.ts";

/**
 * How orders are averaged: `effective` takes the F-score of mean precision and mean recall over the
 * orders that both texts have, `epsilon` the mean of the F-scores of all orders.
 */
export type ChrfSmoothing = "effective" | "epsilon";

/** Settings of {@linkcode chrf}. */
export interface ChrfOptions {
  /** Highest order of character n-grams; 6 by default. */
  readonly characterOrder?: number;
  /** Highest order of word n-grams; 0 by default, 2 for chrF++. */
  readonly wordOrder?: number;
  /** How much recall weighs beside precision; 2 by default. */
  readonly beta?: number;
  /** Whether to compare texts in lower case; false by default. */
  readonly lowercase?: boolean;
  /** Whether white space counts among the characters; false by default. */
  readonly whitespace?: boolean;
  /** How orders are averaged; `effective` by default. */
  readonly smoothing?: ChrfSmoothing;
}

/** chrF and the counts it is made of, by order: characters first, then words. */
export interface ChrfResult {
  /** chrF from 0 to 100. */
  readonly score: number;
  /** N-grams of all hypotheses, by order: characters, then words. */
  readonly hypothesisCounts: readonly number[];
  /** N-grams of each segment's best reference. */
  readonly referenceCounts: readonly number[];
  /** N-grams that hypothesis and reference share, by order. */
  readonly matches: readonly number[];
}

type Grams = ReadonlyMap<string, number>;
type Counts = Omit<ChrfResult, "score">;

/**
 * chrF of a corpus, of counts summed over segments; each segment takes the reference that gives it
 * the best score. Empty references are left out.
 *
 * The defaults are those of sacreBLEU 2. Popović's own program, which WebNLG's script of 2020 runs
 * with word order 2, smooths by `epsilon` and prints the score from 0 to 1.
 *
 * Source: Popović, https://aclanthology.org/W15-3049 and https://aclanthology.org/W17-4770
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If an order is no integer, or there is none above 0
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { score } = chrf(["aa"], [["ab"]]); // one of two characters, and no pair of them
 * assertAlmostEquals(score, 25, 1e-12);
 * ```
 */
export function chrf(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  options: ChrfOptions = {},
): ChrfResult {
  const { characterOrder = 6, wordOrder = 0, beta = 2, smoothing = "effective" } = options;
  const fits = (order: number) => Number.isInteger(order) && order >= 0;
  if (!fits(characterOrder) || !fits(wordOrder) || characterOrder + wordOrder === 0) {
    throw new OptionError(
      "Cannot compute chrF as orders must be integers and one of them above 0: found " +
        `${characterOrder} and ${wordOrder}`,
    );
  }
  const lists = requireReferences("chrF", hypotheses, references);
  const grams = (text: string): Grams[] => {
    const cased = options.lowercase ? text.toLowerCase() : text;
    const characters = options.whitespace ? cased : splitWords(cased).join("");
    return [
      ...countGrams([...characters], "", characterOrder),
      ...countGrams(partPunctuation(cased), " ", wordOrder),
    ];
  };
  const none = () => new Array<number>(characterOrder + wordOrder).fill(0);
  const total = { hypothesisCounts: none(), referenceCounts: none(), matches: none() };
  hypotheses.forEach((text, segment) => {
    const hypothesis = grams(text);
    let best: Counts | undefined, bestScore = -1;
    for (const reference of lists[segment]!) {
      const counts = compare(hypothesis, grams(reference));
      const score = scoreOf(counts, beta, smoothing);
      if (score > bestScore) [best, bestScore] = [counts, score];
    }
    for (const name of ["hypothesisCounts", "referenceCounts", "matches"] as const) {
      best![name].forEach((count, order) => total[name][order]! += count);
    }
  });
  return { score: scoreOf(total, beta, smoothing), ...total };
}

/** How often each n-gram occurs, for orders from 1 to `highest`. */
function countGrams(parts: readonly string[], glue: string, highest: number): Grams[] {
  const text = parts.join(glue);
  let end = -glue.length;
  const ends = parts.map((part) => end += glue.length + part.length);
  return Array.from({ length: highest }, (_, order) => {
    const counts = new Map<string, number>();
    for (let last = order; last < parts.length; last++) {
      const first = last - order;
      const gram = text.slice(ends[first]! - parts[first]!.length, ends[last]);
      counts.set(gram, (counts.get(gram) ?? 0) + 1);
    }
    return counts;
  });
}

/** Parts one mark of ASCII punctuation from a word: its last character, else its first. */
function partPunctuation(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    if (/^.$/su.test(word)) return [word];
    const mark = /[!-/:-@[-`{-~]/;
    if (mark.test(word.at(-1)!)) return [word.slice(0, -1), word.slice(-1)];
    return mark.test(word[0]!) ? [word[0]!, word.slice(1)] : [word];
  });
}

function compare(hypothesis: readonly Grams[], reference: readonly Grams[]): Counts {
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
  return {
    // N-grams of an order that the reference is too short for do not count.
    hypothesisCounts: hypothesis.map((grams, i) =>
      reference[i]!.size > 0 ? sum(grams.values()) : 0
    ),
    referenceCounts: reference.map((grams) => sum(grams.values())),
    matches: hypothesis.map((grams, i) =>
      sum(grams.entries().map(([gram, count]) => Math.min(count, reference[i]!.get(gram) ?? 0)))
    ),
  };
}

function scoreOf(counts: Counts, beta: number, smoothing: ChrfSmoothing): number {
  const epsilon = 1e-16;
  const shares = counts.matches.map((matches, i) => {
    const made = counts.hypothesisCounts[i]!, given = counts.referenceCounts[i]!;
    return {
      precision: made > 0 ? matches / made : epsilon,
      recall: given > 0 ? matches / given : epsilon,
      shared: made > 0 && given > 0,
    };
  });
  const fScore = (precision: number, recall: number) => {
    const divisor = beta ** 2 * precision + recall;
    return divisor > 0 ? (1 + beta ** 2) * precision * recall / divisor : 0;
  };
  const mean = (values: number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  if (smoothing === "epsilon") {
    return 100 * mean(shares.map(({ precision, recall }) => fScore(precision, recall)));
  }
  const shared = shares.filter((share) => share.shared);
  const precision = mean(shared.map((share) => share.precision));
  return 100 * fScore(precision, mean(shared.map((share) => share.recall)));
}
