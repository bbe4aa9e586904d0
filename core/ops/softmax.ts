/**
 * Softmax and its logarithm, over all of a row or over the columns that are kept. The maximum of the
 * row is taken off first, so that nothing overflows.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { lowestFloat } from "../dtype.ts";
import {
  type Bool,
  type Float,
  float,
  input,
  larger,
  rowMax,
  rowSum,
  select,
  stop,
} from "../expr.ts";
import { axisOf } from "../shape.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import type { Override } from "./row_gradient.ts";
import { expand, type RowOp, rowwise } from "./rowwise.ts";
import { permute } from "./view.ts";

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
  const most = rowMax(where(x, lowestFloat));
  // Kept columns of -Infinity alone count as columns that are not kept.
  const peak = stop(keep === undefined ? most : larger(most, float(lowestFloat)));
  const shifted = where(x.sub(peak), 0);
  const exponential = where(float(1), 0).mul(shifted.unary("exp"));
  const sum = rowSum(exponential);
  const total = keep === undefined ? sum : select(sum.compare("eq", 0), float(1), sum);
  // A difference of large logits may overflow to an infinity, of which no gradient survives.
  const log = larger(shifted, float(lowestFloat)).sub(total.unary("log"));
  return { softmax: exponential.div(total), log, peak, total };
}

const x = input(0, "f32", 3);
/** Derivation would repeat the exponentials; this reads the result alone. */
const byResult: Override = ([g], [y]) => [y!.mul(g!.sub(rowSum(g!.mul(y!))))];

/** Softmax of a row. */
export const softmaxOp: RowOp = rowwise(
  "softmax",
  ["f32"],
  [maskedSoftmaxOf(x, undefined).softmax],
  byResult,
);
/** Softmax over the columns whose word is not 0. */
export const maskedSoftmaxOp: RowOp = rowwise(
  "softmax",
  { x: "f32", mask: "u32" },
  [maskedSoftmaxOf(x, input(1, "u32", 3).compare("eq", 0).not()).softmax],
  byResult,
);
const logSoftmaxOp = (() => {
  const { log, peak, total } = logSoftmaxOf(x);
  return rowwise("logSoftmax", ["f32"], [log, peak, total]);
})();

/** Runs what works on rows along another axis. */
function along(
  operation: string,
  axis: number,
  inputs: readonly Tensor[],
  run: (rows: Tensor[]) => Tensor,
): Tensor {
  const last = shapeOf(operation, inputs[0]!).length - 1;
  const full = axisOf(operation, axis, last + 1);
  if (full === last) return run([...inputs]);
  const order = inputs[0]!.shape.map((_, a) => a === full ? last : a === last ? full : a);
  return permute(run(inputs.map((x) => permute(x, order))), order);
}

/**
 * Exponentials along an axis, divided by their sum.
 *
 * **Shapes**: unchanged.
 *
 * @param mask Words, which broadcast to the shape: where they are 0 the result is 0 and counts for
 * nothing; where they all are, it is 0 throughout
 * @throws {ShapeError} If there is no such axis, or the mask is not of words
 */
export function softmax(x: Tensor, axis = -1, mask?: Tensor): Tensor {
  return mask === undefined
    ? along("softmax", axis, [x], (rows) => apply(softmaxOp, rows, {})[0]!)
    : along(
      "softmax",
      axis,
      [x, expand(mask, shapeOf("softmax", x))],
      (rows) => apply(maskedSoftmaxOp, rows, {})[0]!,
    );
}

/**
 * Logarithm of {@linkcode softmax} along an axis, which stays finite where that is 0.
 *
 * **Shapes**: unchanged. **Units**: nats.
 *
 * @throws {ShapeError} If there is no such axis
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return along("logSoftmax", axis, [x], (rows) => apply(logSoftmaxOp, rows, {})[0]!);
}
