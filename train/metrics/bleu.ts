/**
 * Corpus BLEU after mteval-v13a, with the conventions of sacreBLEU.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { requireReferences } from "./segments.ts";
import { tokenize13a } from "./tokenize_13a.ts";

/** What happens to an n-gram order without any match: `exp` halves a growing share, `none` scores 0. */
export type BleuSmoothing = "exp" | "none";

/** Settings of {@linkcode corpusBleu}. */
export interface BleuOptions {
  /** Whether to compare texts in lower case; false by default. */
  lowercase?: boolean;
  /** Smoothing of orders without a match; `exp` by default. */
  smoothing?: BleuSmoothing;
}

/** BLEU and the figures it is made of. */
export interface BleuResult {
  /** BLEU-4 from 0 to 100. */
  score: number;
  /** Smoothed precisions of 1-grams to 4-grams, from 0 to 100. */
  precisions: number[];
  /** Clipped matches of 1-grams to 4-grams. */
  matches: number[];
  /** Number of 1-grams to 4-grams in the hypotheses. */
  totals: number[];
  /** Factor from 0 to 1 for hypotheses that are too short. */
  brevityPenalty: number;
  /** Tokens in all hypotheses. */
  hypothesisLength: number;
  /** Tokens in the references closest in length to their hypotheses. */
  referenceLength: number;
}

const highestOrder = 4;

/**
 * BLEU of a corpus, each segment with any number of references. Of the references closest in length
 * to the hypothesis the shorter one counts; empty references are left out.
 *
 * Source: Papineni et al., https://aclanthology.org/P02-1040; Post, https://arxiv.org/abs/1804.08771
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If the smoothing is unknown
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const { score } = corpusBleu(["The dog bit the man."], [["The dog bit the man."]]);
 * assertAlmostEquals(score, 100, 1e-9);
 * ```
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { lowercase = false, smoothing = "exp" }: BleuOptions = {},
): BleuResult {
  const lists = requireReferences("BLEU", hypotheses, references);
  if (smoothing !== "exp" && smoothing !== "none") {
    throw new OptionError(
      `Cannot compute BLEU as smoothing must be exp or none: found ${smoothing}`,
    );
  }
  const tokens = (text: string) => tokenize13a(lowercase ? text.toLowerCase() : text);
  const matches = new Array<number>(highestOrder).fill(0);
  const totals = new Array<number>(highestOrder).fill(0);
  let hypothesisLength = 0, referenceLength = 0;
  hypotheses.forEach((text, segment) => {
    const hypothesis = tokens(text);
    const candidates = lists[segment]!.map(tokens);
    hypothesisLength += hypothesis.length;
    referenceLength += closestLength(hypothesis.length, candidates);
    for (let order = 1; order <= highestOrder; order++) {
      matches[order - 1] = (matches[order - 1] ?? 0) +
        clippedMatches(hypothesis, candidates, order);
      totals[order - 1] = (totals[order - 1] ?? 0) + Math.max(0, hypothesis.length - order + 1);
    }
  });
  const brevityPenalty = brevity(hypothesisLength, referenceLength);
  const precisions = smoothedPrecisions(matches, totals, smoothing);
  const meanLog = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) /
    highestOrder;
  const score = brevityPenalty * Math.exp(meanLog);
  const lengths = { hypothesisLength, referenceLength };
  return { score, precisions, matches, totals, brevityPenalty, ...lengths };
}

function brevity(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength === 0 ? 0 : Math.exp(1 - referenceLength / hypothesisLength);
}

function smoothedPrecisions(
  matches: readonly number[],
  totals: readonly number[],
  smoothing: BleuSmoothing,
): number[] {
  // Smoothing is for a corpus with some match: without any, every precision is 0.
  const smoothed = smoothing === "exp" && matches.some((count) => count > 0);
  let share = 1;
  return matches.map((count, order) => {
    const total = totals[order] ?? 0;
    if (total === 0) return 0;
    if (count > 0) return 100 * count / total;
    share /= 2;
    return smoothed ? 100 * share / total : 0;
  });
}

function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const distance = (candidate: number) => Math.abs(candidate - length);
  return references.map((reference) => reference.length).reduce((closest, candidate) => {
    const nearer = distance(candidate) - distance(closest);
    return nearer < 0 || (nearer === 0 && candidate < closest) ? candidate : closest;
  });
}

function clippedMatches(
  hypothesis: readonly string[],
  references: readonly (readonly string[])[],
  order: number,
): number {
  const limits = new Map<string, number>();
  for (const reference of references) {
    for (const [gram, count] of countGrams(reference, order)) {
      limits.set(gram, Math.max(count, limits.get(gram) ?? 0));
    }
  }
  let matches = 0;
  for (const [gram, count] of countGrams(hypothesis, order)) {
    matches += Math.min(count, limits.get(gram) ?? 0);
  }
  return matches;
}

function countGrams(tokens: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + order <= tokens.length; start++) {
    // Tokens hold no space, so the joined key is unique.
    const gram = tokens.slice(start, start + order).join(" ");
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}
