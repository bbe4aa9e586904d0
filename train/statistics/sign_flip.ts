/**
 * The paired test of the comparisons: is the mean difference further from 0 than signs alone make it?
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { foldKey, type Key, seedKey, threefry } from "../../core/random.ts";
import { requireFinite } from "./finite_sample.ts";

/** What the test says. */
export interface SignFlip {
  /** Two-sided p-value; NaN without differences. */
  readonly p: number;
  /** Whether every assignment of signs was counted. */
  readonly exact: boolean;
  /** Assignments of signs counted, the one observed among them. */
  readonly assignments: number;
}

/** How the test draws where there are too many assignments to count. */
export interface SignFlipOptions {
  /** Seed of the draws, from 0 to 2^53 - 1; 0 where absent. */
  readonly seed?: number;
  /** Assignments drawn; 99,999 where absent. */
  readonly draws?: number;
}

/** Most differences whose 2^n assignments are all counted. */
const exactLimit = 32;
/** Sums that differ by less than this, relative to the largest possible one, are ties. */
const tie = 1e-9;

/**
 * Sign-flip test of paired differences: `p` is the share of all `2^n` assignments of signs whose sum is
 * at least as far from 0 as the one observed. If neither method is better, each difference is as
 * likely as its opposite, and `p <= α` in at most a share `α` of cases, for any distribution and any
 * number of differences.
 *
 * Up to 32 differences all assignments are counted, by the sorted sums of both halves. Beyond, they are
 * drawn, and the observed one counts with them: `p = (1 + at least as far) / (1 + draws)`.
 *
 * Sums that are equal but for rounding count as at least as far. Differences of 0 double both counts.
 * No differences: NaN. One: always 1. Two: 0.5, or 1 where they have opposite signs or one is 0.
 *
 * **Source**: Fisher 1935, "The design of experiments", 21; Pitman 1937, "Significance tests which may
 * be applied to samples from any populations"; Phipson and Smyth 2010, "Permutation p-values should
 * never be zero", for the draws.
 *
 * @throws {NumericError} If a difference is not finite
 * @throws {OptionError} If the number of draws or the seed is unusable
 */
export function signFlip(
  differences: readonly number[],
  { seed = 0, draws = 99_999 }: SignFlipOptions = {},
): SignFlip {
  requireFinite("a sign-flip test", differences);
  const n = differences.length;
  if (n === 0) return { p: NaN, exact: true, assignments: 0 };
  const largest = differences.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  // Magnitudes in rising order: neither the order of the pairs nor their unit can change a bit of p.
  const sizes = differences.map((x) => Math.abs(x) / largest).sort((a, b) => a - b);
  const total = differences.reduce((sum, x) => sum + x / largest, 0);
  const threshold = Math.abs(total) - tie * sizes.reduce((sum, x) => sum + x, 0);
  if (n <= exactLimit) {
    return { p: exactShare(sizes, threshold), exact: true, assignments: 2 ** n };
  }
  checkDraws(draws);
  const key = foldKey(seedKey(seed), "sign-flip");
  const far = countFar(sizes, threshold, key, draws);
  return { p: (1 + far) / (1 + draws), exact: false, assignments: 1 + draws };
}

/**
 * The least p-value that the exact two-sided test of `n` pairs can give: `2 / 2^n`, reached where all
 * differences have one sign. Five pairs can never be significant at 5 %, six can: 0.0625 and 0.03125.
 * Without pairs it is 1.
 */
export function smallestP(n: number): number {
  return Math.min(1, 2 ** (1 - n));
}

/** Share of all assignments of signs whose sum is at least `threshold` away from 0. */
function exactShare(sizes: readonly number[], threshold: number): number {
  if (threshold <= 0) return 1;
  const half = sizes.length >> 1;
  const left = signedSums(sizes.slice(0, half));
  const right = signedSums(sizes.slice(half));
  let above = 0;
  let first = right.length;
  for (const sum of left) {
    while (first > 0 && sum + right[first - 1]! >= threshold) first--;
    above += right.length - first;
  }
  // As many sums lie at or below -threshold.
  return 2 * above / (left.length * right.length);
}

/** Sums under all assignments of signs, in rising order. */
function signedSums(sizes: readonly number[]): Float64Array {
  let sums = new Float64Array(1);
  for (const size of sizes) {
    const next = new Float64Array(2 * sums.length);
    next.set(sums.map((sum) => sum - size));
    next.set(sums.map((sum) => sum + size), sums.length);
    sums = next;
  }
  return sums.sort();
}

/** How many of the assignments drawn have a sum at least `threshold` away from 0. */
function countFar(sizes: readonly number[], threshold: number, key: Key, draws: number): number {
  let far = 0;
  for (let draw = 0; draw < draws; draw++) {
    let [sum, bits] = [0, 0];
    for (let i = 0; i < sizes.length; i++) {
      if (i % 32 === 0) bits = threefry(key, draw, i >> 6)[(i >> 5) & 1]!;
      sum += (bits >>> (i % 32)) & 1 ? sizes[i]! : -sizes[i]!;
    }
    if (Math.abs(sum) >= threshold) far++;
  }
  return far;
}

function checkDraws(draws: number): void {
  if (Number.isInteger(draws) && draws >= 1 && draws <= 2 ** 32) return;
  throw new OptionError(
    `Cannot draw signs as a number of draws from 1 to 2^32 is required: found ${shown(draws)}`,
  );
}
