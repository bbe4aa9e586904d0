/**
 * The convolution of DeBERTa's larger models: what the first layer gives, plus neighbouring embeddings.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { filled, float, input, select } from "../../core/expr.ts";
import { add, tanh } from "../../core/ops/elementwise.ts";
import { matmulAdd } from "../../core/ops/matmul.ts";
import { rowwise } from "../../core/ops/rowwise.ts";
import { concatenate, slice } from "../../core/ops/slice.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type Activation, activations } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Module, Parameter } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import type { ModelConfig } from "./model.ts";

/** A convolution of tokens. */
export interface Convolution {
  /** Tokens that it reads, an odd number, of which its own is the middle one. */
  readonly tokens: number;
  /** Activation behind it. */
  readonly activation: Activation | "tanh";
}

/** Hidden states of tokens, and zeros of padding, which stands behind them. */
const tokensAlone = rowwise("tokensAlone", { x: "f32", positions: "u32", lengths: "u32" }, [
  select(input(1, "u32", 3).compare("lt", input(2, "u32", 1)), input(0, "f32", 3), float(0)),
]);

/** Zeros as wide as hidden states are stored. */
const noTokens = rowwise("noTokens", [], [filled(0)]);

/** `Conv1d` of tokens, padded by zeros. */
class Conv extends Module {
  /** `[width, width, tokens]`. */
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(width: number, tokens: number) {
    super();
    this.weight = new Parameter([width, width, tokens]);
    this.bias = new Parameter([width]);
  }

  /** `[batch, tokens, width]`, unchanged. */
  forward(x: Tensor): Tensor {
    const [batch, length, width] = x.shape as [number, number, number];
    const [, , tokens] = this.weight.shape as [number, number, number];
    const space = [batch, (tokens - 1) / 2, width];
    const none = apply(noTokens, [], { space }, x.device)[0]!;
    const padded = concatenate([none, x, none], 1);
    let sum = this.bias.value;
    for (let t = 0; t < tokens; t++) {
      const matrix = reshape(slice(this.weight.value, 2, t, t + 1), [width, width]);
      sum = matmulAdd(slice(padded, 1, t, t + length), transpose(matrix), sum);
    }
    return sum;
  }
}

/** `ConvLayer`: convolution and activation, which the residual joins before the norm. */
export class ConvLayer extends Module {
  /** The convolution. */
  readonly conv: Conv;
  /** Norm of the sum. */
  readonly LayerNorm: LayerNorm;
  readonly #activation: Convolution["activation"];

  /** Makes the layer without numbers. */
  constructor({ hiddenSize, epsilon }: ModelConfig, { tokens, activation }: Convolution) {
    super();
    this.conv = new Conv(hiddenSize, tokens);
    this.LayerNorm = new LayerNorm(hiddenSize, epsilon);
    this.#activation = activation;
  }

  /** All of the layer but its norm: `[batch, tokens, width]` each. */
  forward(x: Tensor, residual: Tensor, { batch }: ForwardContext): Tensor {
    const lengths = reshape(batch.lengths, [batch.size, 1, 1]);
    const positions = reshape(batch.positions, [batch.size, batch.width, 1]);
    const own = batch.mask === undefined ? x : apply(tokensAlone, [x, positions, lengths], {})[0]!;
    const activate = this.#activation === "tanh" ? tanh : activations[this.#activation].alone;
    return add(activate(this.conv.forward(own)), residual);
  }
}
