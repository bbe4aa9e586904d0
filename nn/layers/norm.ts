/**
 * Normalisation of the last axis.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { columns, input, rowSum, scalar } from "../../core/expr.ts";
import { type RowOp, rowwise } from "../../core/ops/rowwise.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Module, Parameter } from "./module.ts";

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

/** Layer normalisation (Ba et al. 2016) of the last axis. */
export class LayerNorm extends Module {
  /** Factor, `[width]`. */
  readonly weight: Parameter;
  /** Summand, `[width]`. */
  readonly bias: Parameter;

  /** Makes the layer without numbers; `epsilon` is added to the variance. */
  constructor(width: number, readonly epsilon: number) {
    super();
    this.weight = new Parameter([width]);
    this.bias = new Parameter([width]);
  }

  /** `[…, width] -> […, width]`. */
  forward(x: Tensor): Tensor {
    const inputs = [x, this.weight.value, this.bias.value];
    return apply(layerNormOp, inputs, { scalars: [this.epsilon] })[0]!;
  }
}

/** Root-mean-square normalisation (Zhang and Sennrich 2019) of the last axis. */
export class RmsNorm extends Module {
  /** Factor, `[width]`. */
  readonly weight: Parameter;

  /** Makes the layer without numbers; `epsilon` is added to the mean square. */
  constructor(width: number, readonly epsilon: number) {
    super();
    this.weight = new Parameter([width]);
  }

  /** `[…, width] -> […, width]`. */
  forward(x: Tensor): Tensor {
    return apply(rmsNormOp, [x, this.weight.value], { scalars: [this.epsilon] })[0]!;
  }
}
