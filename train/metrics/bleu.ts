/**
 * Corpus BLEU with the conventions of mteval, multi-bleu, sacreBLEU and coco-caption.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { clippedMatches, countGrams } from "./ngrams.ts";
import { lowered, requireReferences } from "./segments.ts";
import { type Tokenization, tokenizer } from "./tokenization.ts";

/**
 * What happens to an n-gram order without any match: `exp` halves a growing share, `floor` takes a
 * fixed number of matches, `none` scores 0. `add-k` adds to matches and totals of all orders but the
 * first.
 *
 * With those, a corpus without any match scores 0. `mteval` halves a growing share there too, and
 * takes the precision of an order as 1 where no hypothesis is that long. `pymteval` takes 1e-15
 * matches, and 1e-9 n-grams where there are none; texts shorter than an order lower their number.
 */
export type BleuSmoothing = "exp" | "floor" | "add-k" | "none" | "mteval" | "pymteval";

const smoothings: readonly BleuSmoothing[] = [
  "exp",
  "floor",
  "add-k",
  "none",
  "mteval",
  "pymteval",
];

/** How counts become a score. */
export interface BleuScoring {
  /** Smoothing of orders without a match; `exp` by default. */
  readonly smoothing?: BleuSmoothing;
  /** Number of matches that `floor` takes, 0.1 by default, or that `add-k` adds, 1 by default. */
  readonly smoothingValue?: number;
  /** Whether orders beyond the longest hypothesis are left out, for short texts; false by default. */
  readonly effectiveOrder?: boolean;
}

/** Settings of {@linkcode corpusBleu}. */
export interface BleuOptions extends BleuScoring {
  /** Whether to compare texts in lower case, or with lower ASCII letters alone; false by default. */
  readonly lowercase?: boolean | "ascii";
  /** How texts become tokens; `13a` by default. */
  readonly tokenization?: Tokenization;
  /** Highest order of n-grams; 4 by default. */
  readonly order?: number;
  /** Which reference's length counts; `closest`, of two the shorter one, by default. */
  readonly referenceLength?: "closest" | "shortest";
  /** Whether references without a word are left out, as by default, or have a length of 0. */
  readonly emptyReferences?: "skip" | "count";
}

/** What BLEU counts in a corpus. */
export interface BleuCounts {
  /** Clipped matches of 1-grams and up. */
  matches: number[];
  /** Number of 1-grams and up in the hypotheses. */
  totals: number[];
  /** Tokens in all hypotheses. */
  hypothesisLength: number;
  /** Tokens in the references whose length counts. */
  referenceLength: number;
}

/** BLEU and the values it is made of. */
export interface BleuResult extends BleuCounts {
  /** BLEU from 0 to 100. */
  score: number;
  /** Smoothed precisions of 1-grams and up, from 0 to 100. */
  precisions: number[];
  /** Factor from 0 to 1 for hypotheses that are too short. */
  brevityPenalty: number;
}

/**
 * The settings with which {@linkcode corpusBleu} equals a program; without settings it equals
 * sacreBLEU.
 *
 * - `mteval`: mteval-v13a, the BLEU of the E2E challenge. It lower-cases ASCII letters alone, and
 *   takes the precision of an order as 1 where no hypothesis is that long. `shortest` reference
 *   lengths are those of its versions before 13.
 * - `pymteval`: pymteval.py of e2e-metrics (`-p`), by which the LoRA paper scores E2E. A text without
 *   a word is one of a single, empty word.
 * - `multiBleu`: multi-bleu.perl with `-lc`, the BLEU of the WebNLG challenge 2017. The lines of
 *   tokenised files are split at white space, and a missing reference is one of length 0.
 * - `multiBleuDetok`: multi-bleu-detok.perl, the BLEU of WebNLG's later evaluation.
 * - `coco`: BLEU-4 of coco-caption.
 */
export const bleuConventions: Readonly<
  Record<"mteval" | "pymteval" | "multiBleu" | "multiBleuDetok" | "coco", BleuOptions>
> = {
  mteval: { lowercase: "ascii", tokenization: "mteval", smoothing: "mteval" },
  pymteval: {
    lowercase: true,
    tokenization: "pymteval",
    smoothing: "pymteval",
    emptyReferences: "count",
  },
  multiBleu: {
    lowercase: "ascii",
    tokenization: "none",
    smoothing: "none",
    emptyReferences: "count",
  },
  multiBleuDetok: { smoothing: "none", emptyReferences: "count" },
  coco: { tokenization: "ptb", smoothing: "none" },
};

/**
 * BLEU of a corpus, each segment with any number of references.
 *
 * Source: Papineni et al., https://aclanthology.org/P02-1040; Post, https://arxiv.org/abs/1804.08771
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @throws {OptionError} If smoothing or tokenization is unknown
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
  options: BleuOptions = {},
): BleuResult {
  const {
    lowercase = false,
    tokenization = "13a",
    smoothing,
    order: highestOrder = 4,
    referenceLength: choice = "closest",
    emptyReferences = "skip",
  } = options;
  const given = requireReferences("BLEU", hypotheses, references);
  const lists = emptyReferences === "count" ? references : given;
  const split = tokenizer(tokenization);
  const tokens = (text: string) => split(lowered(text, lowercase));
  const matches = new Array<number>(highestOrder).fill(0);
  const totals = new Array<number>(highestOrder).fill(0);
  let hypothesisLength = 0, referenceLength = 0;
  hypotheses.forEach((text, segment) => {
    const hypothesis = tokens(text);
    const candidates = lists[segment]!.map(tokens);
    const lengths = candidates.map((candidate) => candidate.length);
    hypothesisLength += hypothesis.length;
    referenceLength += choice === "closest"
      ? closest(hypothesis.length, lengths)
      : Math.min(...lengths);
    for (let order = 1; order <= highestOrder; order++) {
      const [grams, ...others] = [hypothesis, ...candidates].map((text) => countGrams(text, order));
      for (const count of clippedMatches(grams!, others).values()) matches[order - 1]! += count;
      const total = hypothesis.length - order + 1;
      totals[order - 1]! += smoothing === "pymteval" ? total : Math.max(0, total);
    }
  });
  return bleuFromCounts({ matches, totals, hypothesisLength, referenceLength }, options);
}

/**
 * BLEU of what was counted in a corpus.
 *
 * @throws {OptionError} If the smoothing is unknown
 */
export function bleuFromCounts(counts: BleuCounts, scoring: BleuScoring = {}): BleuResult {
  const { smoothing = "exp", effectiveOrder = false } = scoring;
  if (!smoothings.includes(smoothing)) {
    throw new OptionError(
      `Cannot compute BLEU as smoothing must be one of ${
        smoothings.join(", ")
      }: found ${smoothing}`,
    );
  }
  const value = scoring.smoothingValue ?? (smoothing === "add-k" ? 1 : 0.1);
  const precisions = smoothedPrecisions(counts, smoothing, value);
  const reached = counts.totals.filter((total) => total > 0).length;
  const used = effectiveOrder && reached > 0 ? precisions.slice(0, reached) : precisions;
  const meanLog = used.reduce((sum, precision) => sum + Math.log(precision), 0) / used.length;
  const brevityPenalty = brevity(counts.hypothesisLength, counts.referenceLength);
  return { ...counts, score: brevityPenalty * Math.exp(meanLog), precisions, brevityPenalty };
}

function brevity(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength === 0 ? 0 : Math.exp(1 - referenceLength / hypothesisLength);
}

function smoothedPrecisions(
  { matches, totals }: BleuCounts,
  smoothing: BleuSmoothing,
  value: number,
): number[] {
  if (smoothing === "pymteval") {
    return matches.map((count, i) => 100 * Math.max(count, 1e-15) / Math.max(totals[i]!, 1e-9));
  }
  const isMteval = smoothing === "mteval";
  if (!isMteval && !matches.some((count) => count > 0)) return matches.map(() => 0);
  let share = 1;
  return matches.map((count, i) => {
    const added = smoothing === "add-k" && i > 0 ? value : 0;
    const total = totals[i]! + added;
    if (total === 0) return isMteval ? 100 : 0;
    if (count + added > 0) return 100 * (count + added) / total;
    if (smoothing === "floor") return 100 * value / total;
    share /= 2;
    return smoothing === "none" ? 0 : 100 * share / total;
  });
}

function closest(length: number, candidates: readonly number[]): number {
  const distance = (candidate: number) => Math.abs(candidate - length);
  return candidates.reduce((best, candidate) => {
    const nearer = distance(candidate) - distance(best);
    return nearer < 0 || (nearer === 0 && candidate < best) ? candidate : best;
  });
}
