/**
 * Centre and spread of a sample. NaN among the values makes every figure NaN, as in NumPy, and so
 * does an empty sample; of one value each figure is that value, but for the standard deviation.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/** Arithmetic mean, `Σ x / n`; NaN of no values. */
export function sampleMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Standard deviation of a sample, `sqrt(Σ (x - mean)² / (n - 1))`; NaN of fewer than two values, as
 * one run says nothing of the spread.
 */
export function sd(values: readonly number[]): number {
  if (values.length < 2) return NaN;
  const mean = sampleMean(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

/** Median: the middle value, or the mean of the two in the middle; NaN of no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * Interquartile mean: the mean of what is left where the lowest and the highest `floor(n / 4)` values
 * are taken away; of fewer than four values the mean.
 *
 * **Source**: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
 * precipice", arXiv 2108.13264; the trimmed mean of 25 %, as rliable computes it.
 */
export function interquartileMean(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return NaN;
  const cut = Math.floor(values.length / 4);
  return sampleMean([...sortedCopy(values).subarray(cut, values.length - cut)]);
}

/**
 * Quantile by linear interpolation, NumPy's default: the value at place `fraction (n - 1)`, counted
 * from 0, of the sorted values; NaN of no values. An infinite value interpolated with itself stays.
 *
 * **Source**: Hyndman and Fan 1996, "Sample quantiles in statistical packages", definition 7.
 *
 * @param fraction From 0, the least value, to 1, the largest
 * @throws {OptionError} If the fraction lies outside
 */
export function quantile(values: readonly number[], fraction: number): number {
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new OptionError(
      `Cannot take a quantile as a fraction from 0 to 1 is required: found ${shown(fraction)}`,
    );
  }
  return values.some(Number.isNaN) ? NaN : quantileOfSorted(sortedCopy(values), fraction);
}

/** `quantile` of values that are sorted already, none of them NaN. */
export function quantileOfSorted(sorted: ArrayLike<number>, fraction: number): number {
  if (sorted.length === 0) return NaN;
  const place = fraction * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low === high ? low : low + (place - Math.floor(place)) * (high - low);
}

function sortedCopy(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}
