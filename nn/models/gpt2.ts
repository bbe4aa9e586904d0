/**
 * GPT-2's decoder.
 *
 * **Source**: Radford et al. 2019. Field names are Hugging Face's; its Conv1D stores weights
 * `[inputs, outputs]`.
 *
 * @module
 */

import { add } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { split } from "../../core/ops/slice.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, longestMask, splitHeads } from "../layers/attention.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { activated, type Activation, downProject } from "../layers/feed_forward.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import { DecoderBody, DecoderClassifier, LanguageModel } from "./decoder.ts";
import type { ModelConfig } from "./model.ts";

/** Keys that configurations of GPT-2 alone have. */
interface Gpt2Config extends ModelConfig {
  /** Whether scores are divided by √(head size). */
  readonly scaleScores: boolean;
  /** Whether scores are divided by the number of the layer, from 1. */
  readonly scaleByLayer: boolean;
}

const transposed = { transposed: true } as const;

class Attention extends Module {
  readonly c_attn: Projection;
  readonly c_proj: Projection;
  readonly #settings: AttentionSettings;

  constructor(config: Gpt2Config, layer: number) {
    super();
    const { hiddenSize, heads, headSize: size, causal } = config;
    this.c_attn = new Linear(hiddenSize, 3 * hiddenSize, transposed);
    this.c_proj = new Linear(hiddenSize, hiddenSize, transposed);
    const scale = (config.scaleScores ? 1 / Math.sqrt(size) : 1) /
      (config.scaleByLayer ? layer + 1 : 1);
    const place = layerPlace(layer, config.layers);
    const maximum = longestMask(config);
    this.#settings = { heads, keyValueHeads: heads, size, scale, maximum, place, causal };
  }

  /** Attends and adds the residual. */
  forward(x: Tensor, residual: Tensor, context: ForwardContext): Tensor {
    const fused = this.c_attn.forward(x, context);
    const width = x.shape.at(-1)!;
    const [q, k, v] = split(fused, 2, [width, width, width])
      .map((part) => splitHeads(part, this.#settings.heads));
    return this.c_proj.forward(
      attend({ query: q!, key: k!, value: v! }, this.#settings, context),
      context,
      residual,
    );
  }
}

class FeedForward extends Module {
  readonly c_fc: Projection;
  readonly c_proj: Projection;

  constructor({ hiddenSize, intermediateSize }: ModelConfig) {
    super();
    this.c_fc = new Linear(hiddenSize, intermediateSize, transposed);
    this.c_proj = new Linear(intermediateSize, hiddenSize, transposed);
  }
}

class Block extends Module {
  readonly ln_1: LayerNorm;
  readonly attn: Attention;
  readonly ln_2: LayerNorm;
  readonly mlp: FeedForward;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: Gpt2Config, layer: number) {
    super();
    this.ln_1 = new LayerNorm(config.hiddenSize, config.epsilon);
    this.attn = new Attention(config, layer);
    this.ln_2 = new LayerNorm(config.hiddenSize, config.epsilon);
    this.mlp = new FeedForward(config);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  forward(x: Tensor, context: ForwardContext): Tensor {
    const { c_fc, c_proj } = this.mlp;
    const attended = this.attn.forward(this.ln_1.forward(x), x, context);
    const inner = activated(this.#activation, c_fc, this.ln_2.forward(attended), context);
    return downProject(c_proj, inner, attended, context, this.#place);
  }
}

/** `GPT2Model`. */
class Gpt2Model extends DecoderBody {
  readonly wte: Embedding;
  readonly wpe: Embedding;
  readonly h: readonly Block[];
  readonly ln_f: LayerNorm;

  constructor(config: Gpt2Config) {
    super();
    this.wte = new Embedding(config.vocabularySize, config.hiddenSize);
    this.wpe = new Embedding(config.maxPositions, config.hiddenSize);
    this.h = Array.from({ length: config.layers }, (_, i) => new Block(config, i));
    this.ln_f = new LayerNorm(config.hiddenSize, config.epsilon);
  }

  override get embedding(): Parameter {
    return this.wte.weight;
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    const { ids, positions } = context.batch;
    const embed = () => {
      const words = addEmbeddingNoise(this.wte.forward(ids), context.dropout);
      return add(words, gather(this.wpe.weight.value, positions));
    };
    const last = runLayers(this.h, embed, context, (block, x, inner) => block.forward(x, inner));
    const hidden = this.ln_f.forward(last);
    context.trace?.push(hidden);
    return hidden;
  }
}

/** Reads GPT-2's own keys. */
function gpt2Config(fields: ConfigFields, common: ModelConfig): Gpt2Config {
  fields.only("reorder_and_upcast_attn", [false], false);
  fields.only("add_cross_attention", [false], false);
  return {
    ...common,
    scaleScores: fields.flag("scale_attn_weights", true),
    scaleByLayer: fields.flag("scale_attn_by_inverse_layer_idx", false),
  };
}

const prefix = "transformer";

/** `gpt2`: classifier and language model. */
export const gpt2: Architecture<Gpt2Config> = {
  name: "gpt2",
  causal: true,
  prefix,
  classNames: { classifier: "GPT2ForSequenceClassification", languageModel: "GPT2LMHeadModel" },
  targets: ["c_attn.q", "c_attn.v"],
  buffers: /attn\.(masked_)?bias$/,
  keys: {
    hiddenSize: ["hidden_size", "n_embd"],
    layers: ["num_hidden_layers", "n_layer"],
    heads: ["num_attention_heads", "n_head"],
    intermediateSize: ["n_inner"],
    maxPositions: ["max_position_embeddings", "n_positions"],
    activation: "activation_function",
    epsilon: "layer_norm_epsilon",
  },
  defaults: {
    activation: "gelu_new",
    tied: true,
    epsilon: 1e-5,
    bosId: 50256,
    eosId: 50256,
    intermediateRatio: 4,
  },
  configure: gpt2Config,
  classifier: (config) => new DecoderClassifier(config, prefix, new Gpt2Model(config)),
  languageModel: (config) => new LanguageModel(config, prefix, new Gpt2Model(config)),
};
