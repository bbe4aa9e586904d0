/**
 * Two methods over the same seeds.
 *
 * @module
 */

import { ShapeError } from "../../core/errors.ts";
import { bcaInterval, type BootstrapOptions, type Interval } from "./bootstrap.ts";
import { signFlip, smallestP } from "./sign_flip.ts";
import { sampleMean } from "./summary.ts";

/** Scores of a method by the seed of the run. */
export type ScoresBySeed = ReadonlyMap<number, number>;

/** A method against a baseline. */
export interface PairedComparison {
  /** Seeds that both have. */
  readonly n: number;
  /** Seeds that one of them alone has, which do not count. */
  readonly unpaired: number;
  /** Mean of method less baseline, in the unit of the scores; NaN without pairs. */
  readonly difference: number;
  /** BCa interval of that mean; NaN with fewer than two pairs. */
  readonly interval: Interval;
  /** Two-sided p-value of the sign-flip test, for this comparison alone; NaN without pairs. */
  readonly p: number;
  /** The least p-value that so many pairs can give. */
  readonly smallestP: number;
}

/**
 * Compares a method with a baseline by the differences of runs of the same seed. Equal seeds give runs
 * the same order of examples, the same head and, where both have them, the same masks, so that what
 * seeds do to both drops out of the difference.
 *
 * @param options Of the interval; its seed is also that of the test, where more than 32 pairs make it
 * draw
 * @throws {NumericError} If a score of a pair is not finite
 * @throws {OptionError} If an option is unusable
 */
export function compare(
  method: ScoresBySeed,
  baseline: ScoresBySeed,
  options: BootstrapOptions = {},
): PairedComparison {
  const shared = [...method.keys()].filter((seed) => baseline.has(seed)).sort((a, b) => a - b);
  const of = (scores: ScoresBySeed) => shared.map((seed) => scores.get(seed)!);
  const differences = pairedDifferences(of(method), of(baseline));
  const n = differences.length;
  const { seed = 0 } = options;
  const { p, exact, assignments } = signFlip(differences, { seed });
  return {
    n,
    unpaired: method.size + baseline.size - 2 * n,
    difference: sampleMean(differences),
    interval: bcaInterval(differences, sampleMean, options),
    p,
    smallestP: exact ? smallestP(n) : 1 / assignments,
  };
}

/**
 * Differences of two lists, pair by pair: the first less the second.
 *
 * @throws {ShapeError} If one is longer than the other
 */
export function pairedDifferences(
  method: readonly number[],
  baseline: readonly number[],
): readonly number[] {
  if (method.length !== baseline.length) {
    throw new ShapeError(
      "Cannot pair two lists as as many values of the one as of the other are required: found " +
        `${method.length} and ${baseline.length}`,
    );
  }
  return method.map((value, i) => value - baseline[i]!);
}
