/**
 * How far predicted distributions can be believed: likelihood, Brier score and calibration error.
 * Every figure is the same, bit for bit, whatever the order of the examples.
 *
 * @module
 */

import { IndexError } from "../../core/errors.ts";
import { requireSameLength } from "./classification.ts";

/** Logarithms of the probabilities of all classes, for each example: `[examples][classes]`. */
export type LogProbabilities = readonly (readonly number[])[];

/**
 * Mean of the negative logarithms of the labels' probabilities, in nats. It is computed from
 * logarithms, so that no probability is too small for it.
 *
 * @param labels Number of the right class of each example
 * @throws {ShapeError} If the lengths differ or there is no example
 * @throws {IndexError} If a label is no class
 */
export function negativeLogLikelihood(rows: LogProbabilities, labels: readonly number[]): number {
  check("negative log-likelihood", rows, labels);
  return sortedMean(rows.map((row, i) => -row[labels[i]!]!));
}

/**
 * Brier score: the mean over examples of the sum over all classes of
 * `(probability - (1 if the class is right, else 0))^2`, from 0 to 2. For two classes it is twice the
 * common score of the positive class alone.
 *
 * Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
 * 78, 1950
 *
 * @param labels Number of the right class of each example
 * @throws {ShapeError} If the lengths differ or there is no example
 * @throws {IndexError} If a label is no class
 */
export function brier(rows: LogProbabilities, labels: readonly number[]): number {
  check("Brier score", rows, labels);
  return sortedMean(rows.map((row, i) => {
    return row.reduce((sum, log, c) => sum + (Math.exp(log) - (c === labels[i] ? 1 : 0)) ** 2, 0);
  }));
}

/** Most bins of {@linkcode expectedCalibrationError}. */
const mostBins = 15;

/**
 * Expected calibration error: examples are sorted by their confidence, which is the probability of
 * the most probable class, and split into min(15, examples) bins as evenly as possible, the first
 * ones larger by one where they must differ, as `numpy.array_split` does. It is the mean over bins of
 * |mean confidence - accuracy|, each bin weighted by its share of the examples.
 *
 * Examples of one confidence may fall into two bins. Each of them then counts as right by the share
 * of right ones among them all, so that no order of theirs is preferred. Of classes that are equally
 * probable the first is predicted.
 *
 * Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015;
 * bins of equal size as in Nguyen and O'Connor, "Posterior calibration and exploratory analysis for
 * natural language processing models", EMNLP 2015
 *
 * @param labels Number of the right class of each example
 * @throws {ShapeError} If the lengths differ or there is no example
 * @throws {IndexError} If a label is no class
 */
export function expectedCalibrationError(
  rows: LogProbabilities,
  labels: readonly number[],
): number {
  check("expected calibration error", rows, labels);
  const groups = Map.groupBy(
    rows.map((row, i) => {
      const predicted = likeliest(row);
      return { confidence: Math.exp(row[predicted]!), right: predicted === labels[i] };
    }),
    ({ confidence }) => confidence,
  );
  const sorted = [...groups].sort(([a], [b]) => a - b).flatMap(([confidence, members]) => {
    const accuracy = members.filter(({ right }) => right).length / members.length;
    return members.map(() => ({ confidence, accuracy }));
  });
  const bins = Math.min(mostBins, sorted.length);
  let gap = 0;
  for (let bin = 0, start = 0; bin < bins; bin++) {
    const size = Math.floor(sorted.length / bins) + (bin < sorted.length % bins ? 1 : 0);
    const members = sorted.slice(start, start + size);
    gap += Math.abs(members.reduce((sum, { confidence, accuracy }) => {
      return sum + confidence - accuracy;
    }, 0));
    start += size;
  }
  return gap / sorted.length;
}

/** The place of the largest number, the first of several. */
export function likeliest(values: readonly number[]): number {
  return values.reduce((best, value, i) => value > values[best]! ? i : best, 0);
}

/** The mean of numbers, summed from the least on: the same bits whatever their order. */
export function sortedMean(values: readonly number[]): number {
  return Float64Array.from(values).sort().reduce((sum, value) => sum + value, 0) / values.length;
}

function check(metric: string, rows: LogProbabilities, labels: readonly number[]): void {
  requireSameLength(metric, rows, labels, 1);
  labels.forEach((label, i) => {
    const classes = rows[i]!.length;
    if (Number.isInteger(label) && label >= 0 && label < classes) return;
    throw new IndexError(
      `Cannot compute ${metric} as label ${i} must be one of ${classes} classes, from 0: found ${label}`,
    );
  });
}
