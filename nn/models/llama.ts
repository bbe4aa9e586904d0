/**
 * LLaMA's decoder.
 *
 * **Source**: Touvron et al. 2023. Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import type { ModelConfig } from "./config.ts";
import { DecoderBody } from "./decoder_body.ts";
import { dropWhere } from "../dropout/mask.ts";
import { gated, hiddenCut, outputCut } from "../layers/feed_forward.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { RmsNorm } from "../layers/norm.ts";
import { type ForwardContext, siteAt } from "../layers/forward_context.ts";
import { rotaryRows, type RotaryTables, rotaryTables, rotate } from "../../core/ops/rotary.ts";

class Attention extends Module {
  readonly q_proj: Projection;
  readonly k_proj: Projection;
  readonly v_proj: Projection;
  readonly o_proj: Projection;
  readonly #settings: AttentionSettings;

  constructor(config: ModelConfig, layer: number) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize: size, attentionBias: bias } = config;
    this.q_proj = new Linear(hiddenSize, heads * size, { bias });
    this.k_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.v_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.o_proj = new Linear(heads * size, hiddenSize, { bias });
    const { maxPositions: maximum, layers } = config;
    this.#settings = { heads, keyValueHeads, size, maximum, layers, layer, causal: true };
  }

  /** Attends and adds the residual. */
  forward(x: Tensor, residual: Tensor, rows: RotaryTables, context: ForwardContext): Tensor {
    const { heads, keyValueHeads } = this.#settings;
    const q = rotate(splitHeads(this.q_proj.forward(x, context), heads), rows);
    const k = rotate(splitHeads(this.k_proj.forward(x, context), keyValueHeads), rows);
    const v = splitHeads(this.v_proj.forward(x, context), keyValueHeads);
    return this.o_proj.forward(attend(q, k, v, this.#settings, context), context, residual);
  }
}

class FeedForward extends Module {
  readonly gate_proj: Projection;
  readonly up_proj: Projection;
  readonly down_proj: Projection;

  constructor({ hiddenSize, intermediateSize, mlpBias: bias }: ModelConfig) {
    super();
    this.gate_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.up_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.down_proj = new Linear(intermediateSize, hiddenSize, { bias });
  }
}

class Layer extends Module {
  readonly self_attn: Attention;
  readonly mlp: FeedForward;
  readonly input_layernorm: RmsNorm;
  readonly post_attention_layernorm: RmsNorm;
  readonly #config: ModelConfig;
  readonly #layer: number;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.self_attn = new Attention(config, layer);
    this.mlp = new FeedForward(config);
    this.input_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.post_attention_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#config = config;
    this.#layer = layer;
  }

  forward(x: Tensor, rows: RotaryTables, context: ForwardContext): Tensor {
    const { activation, layers } = this.#config;
    const { gate_proj, up_proj, down_proj } = this.mlp;
    const attended = this.self_attn.forward(this.input_layernorm.forward(x), x, rows, context);
    const normed = this.post_attention_layernorm.forward(attended);
    const inner = gated(activation, gate_proj.forward(normed, context), up_proj, normed, context);
    const kept = hiddenCut(inner, "inner", context, this.#layer, layers);
    return outputCut(down_proj, kept, attended, context, this.#layer, layers);
  }
}

/** `LlamaModel`. */
export class LlamaModel extends DecoderBody {
  /** Token embedding. */
  readonly embed_tokens: Embedding;
  /** Layers. */
  readonly layers: readonly Layer[];
  /** Last norm. */
  readonly norm: RmsNorm;
  readonly #config: ModelConfig;
  #tables: RotaryTables | undefined;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super();
    this.embed_tokens = new Embedding(config.vocabularySize, config.hiddenSize);
    this.layers = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
    this.norm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#config = config;
  }

  /** The token embedding. */
  override get embedding(): Parameter {
    return this.embed_tokens.weight;
  }

  /** Computes the rotary tables; the caller's scope owns them. */
  override prepare(device: Device): void {
    const { maxPositions, headSize, ropeTheta } = this.#config;
    this.#tables = rotaryTables(device, maxPositions, headSize, ropeTheta);
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    let x = this.embed_tokens.forward(context.inputs.ids);
    x = dropWhere(x, siteAt(context, "input", "embeddings", undefined, this.layers.length));
    const rows = rotaryRows(this.#tables!, context.inputs.positions);
    for (const layer of this.layers) {
      context.trace?.push(x);
      // What a layer made and no tape holds serves the next one: it stays in the GPU's cache.
      x = x.device.within("layer", () => layer.forward(x, rows, context));
    }
    x = this.norm.forward(x);
    context.trace?.push(x);
    return x;
  }
}
