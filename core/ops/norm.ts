/**
 * Normalisation of the last axis.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError } from "../arguments.ts";
import { shown } from "../excerpt.ts";
import { columns, input, rowSum, scalar } from "../expr.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

const x = input(0, "f32", 3);
const weight = input(1, "f32", 2);
const bias = input(2, "f32", 2);
const epsilon = scalar(0, "f32");

const center = rowSum(x).div(columns);
const centered = x.sub(center);
const spread = rowSum(centered.mul(centered)).div(columns).add(epsilon).unary("rsqrt");
const size = rowSum(x.mul(x)).div(columns).add(epsilon).unary("rsqrt");

/** Layer normalisation; saves mean and reciprocal deviation. */
export const layerNormOp: RowOp = rowwise("layerNorm", { x: "f32", weight: "f32", bias: "f32" }, [
  centered.mul(spread).mul(weight).add(bias),
  center,
  spread,
]);

/** Layer normalisation without a summand; saves mean and reciprocal deviation. */
export const unbiasedLayerNormOp: RowOp = rowwise(
  "layerNorm, no bias",
  { x: "f32", weight: "f32" },
  [
    centered.mul(spread).mul(weight),
    center,
    spread,
  ],
);

/** Root-mean-square normalisation; saves the reciprocal size. */
export const rmsNormOp: RowOp = rowwise("rmsNorm", { x: "f32", weight: "f32" }, [
  x.mul(size).mul(weight),
  size,
]);

/**
 * Layer normalisation of the last axis, whose variance is the mean of the squares.
 *
 * **Shapes**: `[…, width], [width], [width] -> […, width]`; the bias may be absent.
 * **Source**: Ba et al. 2016, "Layer Normalization".
 *
 * @param epsilon Summand of the variance
 * @throws {ShapeError} If weight or bias is not as long as a row, or epsilon no number from 0
 */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  epsilon: number,
): Tensor {
  if (bias === undefined) {
    checkRow("layerNorm", x, { weight }, epsilon);
    return apply(unbiasedLayerNormOp, [x, weight], { scalars: [epsilon] })[0]!;
  }
  checkRow("layerNorm", x, { weight, bias }, epsilon);
  return apply(layerNormOp, [x, weight, bias], { scalars: [epsilon] })[0]!;
}

/**
 * Root-mean-square normalisation of the last axis.
 *
 * **Shapes**: `[…, width], [width] -> […, width]`.
 * **Source**: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".
 *
 * @param epsilon Summand of the mean square
 * @throws {ShapeError} If the weight is not as long as a row, or epsilon no number from 0
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  checkRow("rmsNorm", x, { weight }, epsilon);
  return apply(rmsNormOp, [x, weight], { scalars: [epsilon] })[0]!;
}

/** What a row is multiplied by or added to must be as long as it is: programs read it by column. */
function checkRow(
  operation: string,
  x: Tensor,
  rows: Readonly<Record<string, Tensor>>,
  epsilon: number,
): void {
  const shape = shapeOf(operation, x);
  if (shape.length === 0) throw argumentError(operation, "x", "at least 1 axis", "[]");
  const width = shape.at(-1);
  for (const [name, row] of Object.entries(rows)) {
    const found = shapeOf(operation, row, name);
    if (found.length === 1 && found[0] === width) continue;
    throw argumentError(operation, name, `[${width}], the length of a row`, `[${found}]`);
  }
  if (epsilon >= 0) return;
  throw argumentError(operation, "epsilon", "a number of at least 0", shown(epsilon));
}
