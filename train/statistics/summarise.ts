/**
 * The figures that a table has of one method on one task.
 *
 * @module
 */

import { bcaInterval, type BootstrapOptions, type Interval } from "./bootstrap.ts";
import { requireFinite } from "./finite_sample.ts";
import { interquartileMean, median, sampleMean, sd } from "./summary.ts";

/** Figures of a sample, in the unit of its values; NaN where they are undefined. */
export interface SampleSummary {
  /** Number of values. */
  readonly n: number;
  /** Arithmetic mean. */
  readonly mean: number;
  /** Standard deviation, its squares divided by `n - 1`. */
  readonly sd: number;
  /** Median. */
  readonly median: number;
  /** Mean without the lowest and the highest quarter. */
  readonly interquartileMean: number;
  /** BCa interval of the mean. */
  readonly interval: Interval;
}

/**
 * Summary of a sample. Of no values all but `n` is NaN; of one, the standard deviation and the interval
 * are.
 *
 * @param options Of the interval of the mean
 * @throws {NumericError} If a value is not finite
 * @throws {OptionError} If an option is unusable
 */
export function summarise(
  values: readonly number[],
  options?: BootstrapOptions,
): SampleSummary {
  requireFinite("a summary", values);
  return {
    n: values.length,
    mean: sampleMean(values),
    sd: sd(values),
    median: median(values),
    interquartileMean: interquartileMean(values),
    interval: bcaInterval(values, sampleMean, options),
  };
}
