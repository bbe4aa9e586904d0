/**
 * Linear layers and embeddings.
 *
 * @module
 */

import { gather } from "../../core/ops/gather.ts";
import { matmul, matmulAdd } from "../../core/ops/matmul.ts";
import { transpose } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { Module, Parameter } from "./module.ts";
import type { ForwardContext } from "./forward_context.ts";

/** What stands where a linear layer can stand. */
export abstract class Projection extends Module {
  /** Size of the last axis of the input. */
  abstract readonly inputs: number;
  /** Size of the last axis of the result. */
  abstract readonly outputs: number;
  /** `[…, inputs] -> […, outputs]`, plus `beside`, such as a residual, of the same shape. */
  abstract forward(x: Tensor, context: ForwardContext, beside?: Tensor): Tensor;
}

/** What a {@linkcode Linear} has beside its sizes. */
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

  /** `x Wᵀ + b`, plus `beside`: `[…, inputs] -> […, outputs]`. */
  override forward(x: Tensor, _context?: ForwardContext, beside?: Tensor): Tensor {
    const [first, second] = [this.bias?.value, beside].filter((extra) => extra !== undefined);
    if (first === undefined) return matmul(x, this.matrix());
    return second === undefined
      ? matmulAdd(x, this.matrix(), first)
      : matmulAdd(x, this.matrix(), first, second);
  }
}

/** A table of vectors, of which tokens choose rows. */
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
