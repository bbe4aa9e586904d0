/**
 * What the layers of LLaMA and its kin are made of. Field names are Hugging Face's.
 *
 * @module
 */

import { type Rotary, type RotaryTables, rotate } from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { attend, type AttentionSettings, longestMask, splitHeads } from "../layers/attention.ts";
import { type Activation, downProject, gated } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { type Norm, RmsNorm } from "../layers/norm.ts";
import type { ModelConfig } from "./model.ts";
import type { LayerKind } from "./windows.ts";

/** Keys that configurations of LLaMA and its kin have. */
export interface LlamaConfig extends ModelConfig {
  /** Rotary positions, of which each layer uses one kind or none. */
  readonly rotaries: readonly Rotary[];
  /**
   * Tokens of a batch's rows up to which the first rotary positions turn it, and beyond which the second
   * do; absent where layers choose.
   */
  readonly longestShort?: number;
  /** What each layer does in its own way. */
  readonly layerKinds: readonly LayerKind[];
  /** Whether query, key and value projections have biases. */
  readonly attentionBias: boolean;
  /** Whether the output projection of attention has one. */
  readonly outputBias: boolean;
  /** Whether queries and keys are normalised, head by head. */
  readonly headNorms: boolean;
  /** Factor of the scores; absent for 1/√size of a head. */
  readonly scoreScale?: number;
  /** Whether the feed-forward layers have biases. */
  readonly mlpBias: boolean;
}

/** What decoders of this kind make differently. */
export interface LlamaParts {
  /** Makes a layer. */
  readonly layer: (config: LlamaConfig, layer: number) => DecoderLayer;
  /** Makes the norm of the last layer's hidden states. */
  readonly norm: (width: number, epsilon: number) => Norm;
  /** Factor of the embeddings; default 1. */
  readonly embeddingFactor?: number;
}

/** A layer of a decoder with rotary positions. */
export abstract class DecoderLayer extends Module {
  /** Runs it; `rows` are those of each of the configuration's rotary positions. */
  abstract forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor;
}

/** Attention of a layer, which adds the residual. */
export interface LayerAttention extends Module {
  /** Attends: `[batch, tokens, width]` unchanged. */
  forward(
    x: Tensor,
    residual: Tensor,
    rows: readonly RotaryTables[],
    context: ForwardContext,
  ): Tensor;
}

/** A feed-forward module up to its last projection. */
export interface LayerFeedForward extends Module {
  /** Projection back to the hidden size. */
  readonly down_proj: Projection;
  /** What the last projection reads, `[…, width] -> […, intermediate]`. */
  inner(x: Tensor, activation: Activation, context: ForwardContext): Tensor;
}

/** A layer with a norm before attention and another before the feed-forward module. */
export class PreNormLayer extends DecoderLayer {
  /** Attention. */
  readonly self_attn: LayerAttention;
  /** The feed-forward module. */
  readonly mlp: LayerFeedForward;
  /** Norm of what attention reads. */
  readonly input_layernorm: RmsNorm;
  /** Norm of what the feed-forward module reads. */
  readonly post_attention_layernorm: RmsNorm;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  /** Joins its parts; the norms have no numbers yet. */
  constructor(
    config: LlamaConfig,
    layer: number,
    attention: LayerAttention,
    feedForward: LayerFeedForward,
  ) {
    super();
    this.self_attn = attention;
    this.mlp = feedForward;
    this.input_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.post_attention_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  /** Runs it; `rows` are those of each of the configuration's rotary positions. */
  override forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor {
    const attended = this.self_attn.forward(this.input_layernorm.forward(x), x, rows, context);
    const normed = this.post_attention_layernorm.forward(attended);
    const inner = this.mlp.inner(normed, this.#activation, context);
    return downProject(this.mlp.down_proj, inner, attended, context, this.#place);
  }
}

/** What attention of a layer needs to know of its configuration. */
export function decoderAttention(config: LlamaConfig, layer: number): AttentionSettings {
  const { heads, keyValueHeads, headSize: size, causal, scoreScale: scale } = config;
  return {
    heads,
    keyValueHeads,
    size,
    maximum: longestMask(config),
    place: layerPlace(layer, config.layers),
    causal,
    window: config.layerKinds[layer]!.window,
    ...(scale && { scale }),
  };
}

/** Grouped-query attention with rotary positions. */
export class LlamaAttention extends Module {
  /** Projection of queries. */
  readonly q_proj: Projection;
  /** Projection of keys. */
  readonly k_proj: Projection;
  /** Projection of values. */
  readonly v_proj: Projection;
  /** Projection of the joined heads. */
  readonly o_proj: Projection;
  /** Norm of each query head, where there is one. */
  readonly q_norm: Norm | undefined;
  /** Norm of each key head, where there is one. */
  readonly k_norm: Norm | undefined;
  readonly #settings: AttentionSettings;
  readonly #rotary: number | undefined;

  /** Makes the layer's attention without numbers; heads are normalised by what `norm` makes. */
  constructor(
    config: LlamaConfig,
    layer: number,
    norm: LlamaParts["norm"] = (size, epsilon) => new RmsNorm(size, epsilon),
  ) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize: size, attentionBias: bias } = config;
    this.q_proj = new Linear(hiddenSize, heads * size, { bias });
    this.k_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.v_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.o_proj = new Linear(heads * size, hiddenSize, { bias: config.outputBias });
    const ofHead = () => config.headNorms ? norm(size, config.epsilon) : undefined;
    this.q_norm = ofHead();
    this.k_norm = ofHead();
    this.#rotary = config.layerKinds[layer]!.rotary;
    this.#settings = decoderAttention(config, layer);
  }

  /** Attends and adds the residual, where there is one. */
  forward(
    x: Tensor,
    residual: Tensor | undefined,
    rows: readonly RotaryTables[],
    context: ForwardContext,
  ): Tensor {
    const { heads, keyValueHeads } = this.#settings;
    const placed = (projection: Projection, count: number, norm: Norm | undefined) => {
      const split = splitHeads(projection.forward(x, context), count);
      const normed = norm?.forward(split) ?? split;
      return this.#rotary === undefined ? normed : rotate(normed, rows[this.#rotary]!);
    };
    const projected = {
      query: placed(this.q_proj, heads, this.q_norm),
      key: placed(this.k_proj, keyValueHeads, this.k_norm),
      value: splitHeads(this.v_proj.forward(x, context), keyValueHeads),
    };
    return this.o_proj.forward(attend(projected, this.#settings, context), context, residual);
  }
}

/** The gated feed-forward module. */
export class LlamaFeedForward extends Module {
  /** Projection whose activation is the gate. */
  readonly gate_proj: Projection;
  /** Projection that the gate multiplies. */
  readonly up_proj: Projection;
  /** Projection back to the hidden size. */
  readonly down_proj: Projection;

  /** Makes the module without numbers. */
  constructor({ hiddenSize, intermediateSize, mlpBias: bias }: LlamaConfig) {
    super();
    this.gate_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.up_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.down_proj = new Linear(intermediateSize, hiddenSize, { bias });
  }

  /** What the last projection reads, `[…, width] -> […, intermediate]`. */
  inner(x: Tensor, activation: Activation, context: ForwardContext): Tensor {
    return gated(activation, this.gate_proj.forward(x, context), this.up_proj, x, context);
  }
}
