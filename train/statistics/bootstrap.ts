/**
 * Confidence intervals by the bootstrap.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { requireFinite } from "./finite_sample.ts";
import { normalCdf, normalQuantile } from "./normal.ts";
import {
  bootstrapDistribution,
  finiteStatistic,
  type ResampleOptions,
  type Strata,
} from "./resample.ts";
import { quantileOfSorted, sampleMean } from "./summary.ts";

/** Ends of a confidence interval, in the unit of the statistic; NaN where it is undefined. */
export interface Interval {
  /** Lower end. */
  readonly low: number;
  /** Upper end. */
  readonly high: number;
}

/** How an interval is computed. */
export interface BootstrapOptions extends ResampleOptions {
  /** Share of such intervals that are meant to hold the truth, from 0.5 to below 1; 0.95 if absent. */
  readonly level?: number;
}

/** What a BCa interval is computed from. */
export interface BcaSource {
  /** Values of the statistic for the samples drawn, in any order. */
  readonly distribution: ArrayLike<number>;
  /** The statistic of the sample itself. */
  readonly value: number;
  /** The statistic without each value of the sample in turn. */
  readonly jackknife: readonly number[];
}

const undefinedInterval: Interval = { low: NaN, high: NaN };
/** Values of a statistic that differ by less than this, relative to the largest, are ties. */
const tie = 1e-12;

/**
 * Bias-corrected and accelerated interval of a statistic of one sample; of paired differences too, as
 * they are one sample.
 *
 * With few values it holds the truth less often than its level says, as every bootstrap interval does.
 * Measured over 10,000 samples, the interval at 95 % holds the mean of 5, 10 and 20 normal values in 84,
 * 90 and 93 % of cases, that of exponential ones in 80, 87 and 91 %.
 *
 * Of fewer than two values it is NaN: one run says nothing of the spread. Where all resamples agree,
 * as for equal values, both ends are the value.
 *
 * **Source**: Efron 1987, "Better bootstrap confidence intervals"; see `bcaEnds` for the formula.
 *
 * @param statistic Of values in rising order; must be finite for each resample and without any value
 * @throws {NumericError} If a value or a statistic is not finite
 * @throws {OptionError} If an option is unusable
 */
export function bcaInterval(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  options: BootstrapOptions = {},
): Interval {
  checkLevel(options.level);
  requireFinite("a BCa interval", values);
  if (values.length < 2) return undefinedInterval;
  const distribution = bootstrapDistribution([values], ([drawn]) => statistic(drawn!), options);
  return bcaEnds({ distribution, ...withoutEach(values, statistic) }, options.level);
}

/** A statistic of a sample, and of the sample without each of its values in turn. */
function withoutEach(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
): Omit<BcaSource, "distribution"> {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    value: finiteStatistic(statistic(sorted), "all values"),
    jackknife: sorted.map((_, i) =>
      finiteStatistic(statistic(sorted.toSpliced(i, 1)), "all values but one")
    ),
  };
}

/**
 * The BCa interval of a bootstrap distribution that is given: its quantiles at
 * `Φ(z0 + (z0 + z) / (1 - a (z0 + z)))`, where `z` is the normal quantile of `(1 - level) / 2` for the
 * lower end and its opposite for the upper one.
 *
 * `z0` is the normal quantile of the share of the distribution below the value, ties counting one
 * half (Efron leaves them out, SciPy counts them so too). A share of 0 or 1, whose quantile is
 * infinite, is taken as half a resample from there. The acceleration `a` is
 * `Σ u³ / (6 (Σ u²)^1.5)` over the jackknife's deviations `u` from their mean, of opposite sign; 0
 * where they are all 0. Where `1 - a (z0 + z)` is not above 0, its limit is taken: the least or the
 * largest value of the distribution.
 *
 * **Source**: Efron 1987, "Better bootstrap confidence intervals"; Efron and Tibshirani 1993, "An
 * introduction to the bootstrap", 14.3.
 *
 * @throws {OptionError} If the level is unusable
 */
export function bcaEnds({ distribution, value, jackknife }: BcaSource, level = 0.95): Interval {
  checkLevel(level);
  const sorted = Float64Array.from(distribution).sort();
  const bias = normalQuantile(shareBelow(sorted, value));
  const acceleration = accelerationOf(jackknife);
  const end = (z: number) => {
    const shifted = bias + z;
    const room = 1 - acceleration * shifted;
    const share = room > 0 ? normalCdf(bias + shifted / room) : Number(shifted > 0);
    return quantileOfSorted(sorted, share);
  };
  const z = normalQuantile((1 - level) / 2);
  return { low: end(z), high: end(-z) };
}

/** Share of a sorted distribution below a value, at least half of one from 0 and from 1. */
function shareBelow(sorted: Float64Array, value: number): number {
  const count = sorted.length;
  const slack = tie * Math.max(Math.abs(sorted[0]!), Math.abs(sorted[count - 1]!));
  let halves = 0;
  for (const one of sorted) halves += Number(one < value - slack) + Number(one <= value + slack);
  return Math.min(Math.max(halves, 1), 2 * count - 1) / (2 * count);
}

function accelerationOf(jackknife: readonly number[]): number {
  const mean = sampleMean(jackknife);
  const deviations = jackknife.map((value) => mean - value);
  const largest = deviations.reduce((most, u) => Math.max(most, Math.abs(u)), 0);
  if (largest <= tie * Math.abs(mean)) return 0;
  let [squares, cubes] = [0, 0];
  for (const deviation of deviations) {
    const u = deviation / largest;
    squares += u * u;
    cubes += u * u * u;
  }
  return cubes / (6 * squares ** 1.5);
}

/**
 * Percentile interval of a statistic of several samples, each drawn within itself: of the runs of
 * several tasks, whose mean or interquartile mean over all tasks is reported.
 *
 * The interval is between the quantiles at `(1 - level) / 2` and `(1 + level) / 2` of the bootstrap
 * distribution, as rliable has it. It is NaN where there is no stratum or one has fewer than two
 * values, as its spread is unknown.
 *
 * **Source**: Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical
 * precipice", arXiv 2108.13264.
 *
 * @param strata Values by stratum, `[strata][values]`; their numbers may differ
 * @param statistic Of strata in the same order, the values of each in rising order
 * @throws {NumericError} If a value or a statistic is not finite
 * @throws {OptionError} If an option is unusable
 */
export function stratifiedBootstrap(
  strata: Strata,
  statistic: (strata: Strata) => number,
  options: BootstrapOptions = {},
): Interval {
  const { level = 0.95 } = options;
  checkLevel(level);
  for (const values of strata) requireFinite("a stratified bootstrap", values);
  if (strata.length === 0 || strata.some(({ length }) => length < 2)) return undefinedInterval;
  const sorted = bootstrapDistribution(strata, statistic, options).sort();
  const below = (1 - level) / 2;
  return { low: quantileOfSorted(sorted, below), high: quantileOfSorted(sorted, 1 - below) };
}

function checkLevel(level = 0.95): void {
  if (level >= 0.5 && level < 1) return;
  throw new OptionError(
    `Cannot compute a confidence interval as a level from 0.5 to below 1 is required: found ${
      shown(level)
    }`,
  );
}
