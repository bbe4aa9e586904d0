/**
 * Linear layers and embeddings.
 *
 * @module
 */

import { gather } from "../core/ops/gather.ts";
import { matmul, matmulAdd } from "../core/ops/matmul.ts";
import { reshape, transpose } from "../core/ops/view.ts";
import type { Tensor } from "../core/tensor.ts";
import { Module, Parameter } from "./module.ts";
import type { Pass } from "./pass.ts";

/** What stands where a linear layer can stand. */
export abstract class Projection extends Module {
  /** Size of the last axis of the input. */
  abstract readonly inputs: number;
  /** Size of the last axis of the result. */
  abstract readonly outputs: number;
  /** `[…, inputs] -> […, outputs]`. */
  abstract forward(x: Tensor, pass: Pass): Tensor;
}

/** Options of {@linkcode Linear}. */
export interface LinearOptions {
  /** Whether a bias is added; default true. */
  readonly bias?: boolean;
  /** Whether the weight is stored `[inputs, outputs]`, as GPT-2's Conv1D does; default false. */
  readonly transposed?: boolean;
  /** Deviation of a new normal weight with zero bias, for layers that checkpoints may lack. */
  readonly deviation?: number;
}

/** `y = x Wᵀ + b`. */
export class Linear extends Projection {
  /** `[outputs, inputs]`, or `[inputs, outputs]` where transposed. */
  readonly weight: Parameter;
  /** `[outputs]`. */
  readonly bias: Parameter | undefined;
  /** Whether the weight is stored `[inputs, outputs]`. */
  readonly transposed: boolean;

  /** Makes the layer without numbers. */
  constructor(
    override readonly inputs: number,
    override readonly outputs: number,
    options: LinearOptions = {},
  ) {
    super();
    const { bias = true, transposed = false, deviation } = options;
    const start = deviation === undefined ? undefined : { kind: "normal", deviation } as const;
    this.transposed = transposed;
    this.weight = new Parameter(transposed ? [inputs, outputs] : [outputs, inputs], start);
    if (bias) this.bias = new Parameter([outputs], start && { kind: "zeros" });
  }

  /** The weight as `[inputs, outputs]`. */
  matrix(): Tensor {
    return this.transposed ? this.weight.value : transpose(this.weight.value);
  }

  /** Applies the layer to the last axis. */
  override forward(x: Tensor): Tensor {
    const rows = reshape(x, [-1, this.inputs]);
    const y = this.bias === undefined
      ? matmul(rows, this.matrix())
      : matmulAdd(rows, this.matrix(), this.bias.value);
    return reshape(y, [...x.shape.slice(0, -1), this.outputs]);
  }
}

/** A table of vectors. */
export class Embedding extends Module {
  /** `[count, width]`. */
  readonly weight: Parameter;

  /** Makes the table without numbers. */
  constructor(count: number, width: number) {
    super();
    this.weight = new Parameter([count, width]);
  }

  /** Vectors of the given rows: `[…] -> […, width]`. */
  forward(rows: Tensor): Tensor {
    return gather(this.weight.value, rows);
  }
}
