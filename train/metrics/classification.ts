/**
 * Metrics of classification and regression, numerically those of scikit-learn and SciPy.
 *
 * @module
 */

import { ShapeError } from "../../core/errors.ts";

/**
 * Share of predictions that equal their label.
 *
 * @throws {ShapeError} If the lengths differ or there is no example
 */
export function accuracy(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("accuracy", predictions, labels, 1);
  return countWhere(predictions, (prediction, row) => prediction === labels[row]) / labels.length;
}

/**
 * Harmonic mean of precision and recall of class 1; 0 where class 1 is neither predicted nor found.
 *
 * @throws {ShapeError} If the lengths differ or there is no example
 */
export function f1(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("F1", predictions, labels, 1);
  const predicted = countWhere(predictions, (value) => value === 1);
  const present = countWhere(labels, (value) => value === 1);
  const hits = countWhere(predictions, (value, row) => value === 1 && labels[row] === 1);
  return predicted + present === 0 ? 0 : 2 * hits / (predicted + present);
}

/**
 * Mean over classes of the F1 of each class against all others, every class counting the same. The
 * classes are those that are predicted or found, as scikit-learn's `average="macro"` has it; a class
 * without a hit counts 0.
 *
 * @throws {ShapeError} If the lengths differ or there is no example
 */
export function macroF1(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("macro F1", predictions, labels, 1);
  const hits = predictions.filter((prediction, row) => prediction === labels[row]);
  const [right, predicted, present] = [hits, predictions, labels].map(countEach);
  const classes = [...new Set([...labels, ...predictions])];
  return classes.reduce((sum, one) => {
    const seen = (predicted!.get(one) ?? 0) + (present!.get(one) ?? 0);
    return sum + 2 * (right!.get(one) ?? 0) / seen;
  }, 0) / classes.length;
}

/**
 * Matthews correlation coefficient, for any number of classes; 0 where the predictions or the
 * labels hold one class only.
 *
 * Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient",
 * Computational Biology and Chemistry 28, 2004
 *
 * @throws {ShapeError} If the lengths differ or there is no example
 */
export function matthews(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("Matthews correlation", predictions, labels, 1);
  const total = labels.length;
  const hits = countWhere(predictions, (prediction, row) => prediction === labels[row]);
  let joint = 0, predictedSquares = 0, presentSquares = 0;
  for (const label of new Set([...predictions, ...labels])) {
    const predicted = countWhere(predictions, (value) => value === label);
    const present = countWhere(labels, (value) => value === label);
    joint += predicted * present;
    predictedSquares += predicted ** 2;
    presentSquares += present ** 2;
  }
  const spread = (total ** 2 - predictedSquares) * (total ** 2 - presentSquares);
  return spread === 0 ? 0 : (hits * total - joint) / Math.sqrt(spread);
}

/**
 * Pearson correlation.
 *
 * Constant input gives 0, where SciPy gives NaN: a model that answers the same to everything has
 * found no correlation, and NaN could neither be compared with the best checkpoint nor be written
 * as JSON. Values that are NaN themselves still give NaN.
 *
 * @throws {ShapeError} If the lengths differ or there are fewer than 2 examples
 */
export function pearson(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("Pearson correlation", predictions, labels, 2);
  if (isConstant(predictions) || isConstant(labels)) return 0;
  const a = normalised(predictions), b = normalised(labels);
  const product = a.reduce((sum, value, row) => sum + value * (b[row] ?? NaN), 0);
  return Math.max(-1, Math.min(1, product));
}

/**
 * Spearman rank correlation; equal values share the mean of their ranks. Constant input gives 0, as
 * in {@linkcode pearson}.
 *
 * @throws {ShapeError} If the lengths differ or there are fewer than 2 examples
 */
export function spearman(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("Spearman correlation", predictions, labels, 2);
  if ([...predictions, ...labels].some(Number.isNaN)) return NaN;
  return pearson(ranks(predictions), ranks(labels));
}

/**
 * Mean of the squared differences of predicted and right scores.
 *
 * @throws {ShapeError} If the lengths differ or there is no example
 */
export function mse(predictions: readonly number[], labels: readonly number[]): number {
  requireSameLength("mean squared error", predictions, labels, 1);
  const sum = predictions.reduce((sum, value, row) => sum + (value - (labels[row] ?? NaN)) ** 2, 0);
  return sum / labels.length;
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((value, row) => ({ value, row })).sort((a, b) => a.value - b.value);
  const result = new Array<number>(values.length);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && order[end]?.value === order[start]?.value) end++;
    for (const { row } of order.slice(start, end)) result[row] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}

/** The values minus their mean, divided by the Euclidean norm of the result. */
function normalised(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const centred = values.map((value) => value - mean);
  // Scaled by the largest value, as the squares of tiny or huge scores leave the range of doubles.
  const largest = centred.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const norm = Math.sqrt(centred.reduce((sum, value) => sum + (value / largest) ** 2, 0)) * largest;
  return centred.map((value) => value / norm);
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

function countEach(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

function countWhere(
  values: readonly number[],
  matches: (value: number, row: number) => boolean,
): number {
  return values.reduce((count, value, row) => matches(value, row) ? count + 1 : count, 0);
}

/**
 * Checks that every label has a prediction.
 *
 * @param least Fewest examples of which the metric is defined
 * @throws {ShapeError} If the lengths differ or there are fewer examples
 */
export function requireSameLength(
  metric: string,
  predictions: readonly unknown[],
  labels: readonly number[],
  least: number,
): void {
  if (predictions.length === labels.length && labels.length >= least) return;
  throw new ShapeError(
    `Cannot compute ${metric} as one prediction per label and at least ${least} are required: ` +
      `found ${predictions.length} predictions and ${labels.length} labels`,
  );
}
