/**
 * Softmax and its logarithm, over all of a row or over the columns that are kept. The maximum of the
 * row is taken off first, so that nothing overflows.
 *
 * @module
 */

import { lowestFloat } from "../dtype.ts";
import { type Bool, type Float, float, larger, rowMax, rowSum, select, stop } from "../expr.ts";

/** Log-probabilities as `(x - m) - log s`, and the row values they are made of. */
export function logSoftmaxOf(x: Float): { log: Float; peak: Float; total: Float } {
  const peak = stop(rowMax(x));
  const shifted = x.sub(peak);
  const total = rowSum(shifted.unary("exp"));
  return { log: shifted.sub(total.unary("log")), peak, total };
}

/** Softmax over kept columns, its logarithm there, and the row's maximum and denominator. */
export function maskedSoftmaxOf(x: Float, keep: Bool | undefined): {
  softmax: Float;
  log: Float;
  peak: Float;
  total: Float;
} {
  const where = (a: Float, otherwise: number): Float =>
    keep === undefined ? a : select(keep, a, float(otherwise));
  const peak = stop(rowMax(where(x, lowestFloat)));
  const shifted = where(x.sub(peak), 0);
  const exponential = where(float(1), 0).mul(shifted.unary("exp"));
  const sum = rowSum(exponential);
  const total = keep === undefined ? sum : select(float(0).compare("lt", sum), sum, float(1));
  // A difference of large logits may overflow to an infinity, of which no gradient survives.
  const log = larger(shifted, float(lowestFloat)).sub(total.unary("log"));
  return { softmax: exponential.div(total), log, peak, total };
}
