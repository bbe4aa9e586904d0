/**
 * Phi-3: LLaMA's decoder with queries, keys and values in one layer, the gate and what it multiplies in
 * another, and LongRoPE.
 *
 * **Source**: Abdin et al. 2024, "Phi-3 Technical Report". Field names are Hugging Face's.
 *
 * @module
 */

import { mul } from "../../core/ops/elementwise.ts";
import { type RotaryTables, rotate } from "../../core/ops/rotary.ts";
import { split } from "../../core/ops/slice.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import { type Activation, activations } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { RmsNorm } from "../layers/norm.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import { DecoderClassifier, LanguageModel } from "./decoder.ts";
import { classNamesOf, llamaConfig, LlamaModel, llamaTraits } from "./llama.ts";
import { decoderAttention, type LlamaConfig, PreNormLayer } from "./llama_layers.ts";
import { longRotaries } from "./long_rope.ts";
import type { ModelConfig } from "./model.ts";
import type { RotarySizes } from "./rope.ts";
import { kindsOfLayers, layerTypes } from "./windows.ts";

class Attention extends Module {
  /** Rows of queries, keys and values, in this order. */
  readonly qkv_proj: Projection;
  readonly o_proj: Projection;
  readonly #settings: AttentionSettings;

  constructor(config: LlamaConfig, layer: number) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize } = config;
    const outputs = (heads + 2 * keyValueHeads) * headSize;
    this.qkv_proj = new Linear(hiddenSize, outputs, { bias: false });
    this.o_proj = new Linear(heads * headSize, hiddenSize, { bias: false });
    this.#settings = decoderAttention(config, layer);
  }

  /** Attends and adds the residual. */
  forward(
    x: Tensor,
    residual: Tensor,
    [rows]: readonly RotaryTables[],
    context: ForwardContext,
  ): Tensor {
    const { heads, keyValueHeads, size } = this.#settings;
    const counts = [heads, keyValueHeads, keyValueHeads];
    const [query, key, value] = split(
      this.qkv_proj.forward(x, context),
      2,
      counts.map((count) => count * size),
    ).map((part, i) => splitHeads(part, counts[i]!)) as [Tensor, Tensor, Tensor];
    const projected = { query: rotate(query, rows!), key: rotate(key, rows!), value };
    return this.o_proj.forward(attend(projected, this.#settings, context), context, residual);
  }
}

class FeedForward extends Module {
  /** Rows of the gate, and of what it multiplies. */
  readonly gate_up_proj: Projection;
  readonly down_proj: Projection;

  constructor({ hiddenSize, intermediateSize }: LlamaConfig) {
    super();
    this.gate_up_proj = new Linear(hiddenSize, 2 * intermediateSize, { bias: false });
    this.down_proj = new Linear(intermediateSize, hiddenSize, { bias: false });
  }

  /** What the last projection reads, `[…, width] -> […, intermediate]`. */
  inner(x: Tensor, activation: Activation, context: ForwardContext): Tensor {
    const size = this.down_proj.inputs;
    const both = split(this.gate_up_proj.forward(x, context), 2, [size, size]);
    const [gate, up] = both as [Tensor, Tensor];
    return mul(up, activations[activation].alone(gate));
  }
}

function configure(fields: ConfigFields, common: ModelConfig): LlamaConfig {
  const rotary = (sizes: RotarySizes) => longRotaries(fields, sizes);
  const config = llamaConfig(fields, common, { biases: [], rotary });
  // Known, and of no effect there either.
  layerTypes(fields, common, () => "full_attention");
  const window = fields.has("sliding_window") ? fields.size(["sliding_window"]) : undefined;
  const layerKinds = config.layerKinds.map((kind) => ({ ...kind, window }));
  const { longestShort } = config;
  // A cache holds keys that were turned as those of a short text.
  const limit = longestShort === undefined ? {} : { longestContinued: longestShort };
  return { ...config, ...kindsOfLayers(layerKinds), ...limit };
}

const { prefix, defaults } = llamaTraits;
const body = (config: LlamaConfig) =>
  new LlamaModel(config, {
    layer: (own, layer) =>
      new PreNormLayer(own, layer, new Attention(own, layer), new FeedForward(own)),
    norm: (width, epsilon) => new RmsNorm(width, epsilon),
  });

/** `phi3`: classifier and language model. */
export const phi3: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "phi3",
  classNames: classNamesOf("Phi3"),
  targets: ["qkv_proj"],
  defaults: { ...defaults, epsilon: 1e-5, padId: 32000, eosId: 32000 },
  configure,
  classifier: (config) => new DecoderClassifier(config, prefix, body(config)),
  languageModel: (config) => new LanguageModel(config, prefix, body(config)),
};
