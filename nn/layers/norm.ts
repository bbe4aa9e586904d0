/**
 * Layers that normalise the last axis.
 *
 * @module
 */

import { layerNorm, rmsNorm } from "../../core/ops/norm.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Module, Parameter } from "./module.ts";

/** Layer normalisation (Ba et al. 2016) of the last axis. */
export class LayerNorm extends Module {
  /** Factor, `[width]`. */
  readonly weight: Parameter;
  /** Summand, `[width]`; absent where there is none. */
  readonly bias: Parameter | undefined;

  /** Makes the layer without numbers; `epsilon` is added to the variance. */
  constructor(width: number, readonly epsilon: number, { bias = true }: { bias?: boolean } = {}) {
    super();
    this.weight = new Parameter([width]);
    this.bias = bias ? new Parameter([width]) : undefined;
  }

  /** `[…, width] -> […, width]`. */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight.value, this.bias?.value, this.epsilon);
  }
}

/** What normalises the last axis, `[…, width] -> […, width]`. */
export interface Norm extends Module {
  /** Normalises. */
  forward(x: Tensor): Tensor;
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
    return rmsNorm(x, this.weight.value, this.epsilon);
  }
}
