/**
 * Normalisation of the last axis.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { columns, input, rowSum, scalar } from "../expr.ts";
import type { Tensor } from "../tensor.ts";
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
export const layerNormOp: RowOp = rowwise("layerNorm", ["f32", "f32", "f32"], [
  centered.mul(spread).mul(weight).add(bias),
  center,
  spread,
]);

/** Root-mean-square normalisation; saves the reciprocal size. */
export const rmsNormOp: RowOp = rowwise("rmsNorm", ["f32", "f32"], [
  x.mul(size).mul(weight),
  size,
]);

/**
 * Layer normalisation of the last axis, whose variance is the mean of the squares.
 *
 * **Shapes**: `[…, width], [width], [width] -> […, width]`.
 * **Source**: Ba et al. 2016, "Layer Normalization".
 *
 * @param epsilon Summand of the variance
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return apply(layerNormOp, [x, weight, bias], { scalars: [epsilon] })[0]!;
}

/**
 * Root-mean-square normalisation of the last axis.
 *
 * **Shapes**: `[…, width], [width] -> […, width]`.
 * **Source**: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".
 *
 * @param epsilon Summand of the mean square
 */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return apply(rmsNormOp, [x, weight], { scalars: [epsilon] })[0]!;
}
