/**
 * LLaMA's decoder.
 *
 * **Source**: Touvron et al. 2023. Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { scale } from "../../core/ops/elementwise.ts";
import type { RotaryTables } from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding } from "../layers/linear.ts";
import type { Parameter } from "../layers/module.ts";
import { type Norm, RmsNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import { DecoderBody, DecoderClassifier, LanguageModel } from "./decoder.ts";
import {
  type DecoderLayer,
  LlamaAttention,
  type LlamaConfig,
  LlamaFeedForward,
  type LlamaParts,
  PreNormLayer,
} from "./llama_layers.ts";
import type { ModelConfig } from "./model.ts";
import { readRotary, type RotarySizes } from "./rope.ts";
import {
  firstTables,
  reachingTables,
  rowsByKind,
  sharedRows,
  tablesTurning,
} from "./rotary_positions.ts";

const ownParts: LlamaParts = {
  layer: (config, layer) =>
    new PreNormLayer(
      config,
      layer,
      new LlamaAttention(config, layer),
      new LlamaFeedForward(config),
    ),
  norm: (width, epsilon) => new RmsNorm(width, epsilon),
};

/** `LlamaModel`: the decoder of LLaMA and its kin. */
export class LlamaModel extends DecoderBody {
  /** Token embedding, `[vocabulary, width]`. */
  readonly embed_tokens: Embedding;
  /** The layers, in their order. */
  readonly layers: readonly DecoderLayer[];
  /** Norm of the last layer's hidden states. */
  readonly norm: Norm;
  readonly #config: LlamaConfig;
  readonly #embeddingFactor: number;
  /** Of the positions so far. Work that was captured sees when others stand here. */
  protected tables: readonly RotaryTables[] = [];

  /** Makes the model without numbers. */
  constructor(config: LlamaConfig, parts: LlamaParts = ownParts) {
    super();
    this.embed_tokens = new Embedding(config.vocabularySize, config.hiddenSize);
    this.layers = Array.from({ length: config.layers }, (_, i) => parts.layer(config, i));
    this.norm = parts.norm(config.hiddenSize, config.epsilon);
    this.#config = config;
    this.#embeddingFactor = parts.embeddingFactor ?? 1;
  }

  /** Token embedding, `[vocabulary, width]`. */
  override get embedding(): Parameter {
    return this.embed_tokens.weight;
  }

  /** Computes the rotary tables of the first positions; the caller's scope owns them. */
  override prepare(device: Device): void {
    this.tables = firstTables(device, this.#config);
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    const { ids, positions } = context.batch;
    const shared = (): readonly Tensor[] => {
      this.tables = reachingTables(this.tables, this.#config, positions);
      return sharedRows(
        tablesTurning(this.tables, context.batch, this.#config.longestShort),
        positions,
      );
    };
    const last = runLayers(
      this.layers,
      () => addEmbeddingNoise(this.#embed(ids), context.dropout),
      context,
      (layer, x, inner, shared: readonly Tensor[]) => layer.forward(x, rowsByKind(shared), inner),
      { shared },
    );
    const hidden = this.norm.forward(last);
    context.trace?.push(hidden);
    return hidden;
  }

  #embed(ids: Tensor): Tensor {
    const words = this.embed_tokens.forward(ids);
    return this.#embeddingFactor === 1 ? words : scale(words, this.#embeddingFactor);
  }
}

/** Values of keys that the configurations of LLaMA's kin may leave out, where they are not LLaMA's. */
export interface LlamaDefaults {
  /** Width of a head; default the hidden size over the heads. */
  readonly headSize?: number;
  /** Key and value heads; default as many as query heads. */
  readonly keyValueHeads?: number;
  /** Base of the rotary angles; default 10,000. */
  readonly theta?: number;
  /** Keys that say which layers have biases; default both of LLaMA's. */
  readonly biases?: readonly ("attention_bias" | "mlp_bias")[];
  /** Reads the rotary positions; default one kind of them. */
  readonly rotary?: (sizes: RotarySizes) => Pick<LlamaConfig, "rotaries" | "longestShort">;
}

/**
 * Reads the keys that LLaMA and its kin share: every layer turns queries and keys by the same positions,
 * and sees all tokens.
 *
 * @throws {FileError} If one does not fit, or positions are scaled in a way that is not implemented
 */
export function llamaConfig(
  fields: ConfigFields,
  common: ModelConfig,
  defaults: LlamaDefaults = {},
): LlamaConfig {
  requireToken(fields, common);
  const { heads } = common;
  const headSize = fields.size(["head_dim"], defaults.headSize ?? common.headSize);
  if (headSize % 2 !== 0) {
    const required = "an even number is required, or of hidden_size for each of the heads";
    fields.fail("head_dim", required, headSize);
  }
  const keyValueHeads = fields.size(["num_key_value_heads"], defaults.keyValueHeads ?? heads);
  if (heads % keyValueHeads !== 0) {
    fields.fail("num_key_value_heads", `a divisor of ${heads} is required`, keyValueHeads);
  }
  const { biases = ["attention_bias", "mlp_bias"] } = defaults;
  const biased = (key: typeof biases[number]) => biases.includes(key) && fields.flag(key, false);
  const attentionBias = biased("attention_bias");
  const sizes = { ...common, headSize };
  return {
    ...common,
    headSize,
    keyValueHeads,
    ...defaults.rotary?.(sizes) ?? { rotaries: [readRotary(fields, sizes, defaults.theta)] },
    layerKinds: Array.from({ length: common.layers }, () => ({ rotary: 0 })),
    attentionBias,
    outputBias: attentionBias,
    headNorms: false,
    mlpBias: biased("mlp_bias"),
  };
}

/** Names of the classes of a family in transformers. */
export function classNamesOf(family: string): Architecture["classNames"] {
  return {
    classifier: `${family}ForSequenceClassification`,
    languageModel: `${family}ForCausalLM`,
  };
}

const prefix = "model";

/** What the architectures of this decoder have in common. */
export const llamaTraits: Omit<Architecture<LlamaConfig>, "name" | "classNames"> = {
  causal: true,
  prefix,
  targets: ["q_proj", "v_proj"],
  buffers: /rotary_emb\.inv_freq$/,
  keys: { ...usualKeys, epsilon: "rms_norm_eps" },
  defaults: { activation: "silu", tied: false, epsilon: 1e-6, bosId: 1, eosId: 2 },
  configure: (fields, common) => llamaConfig(fields, common),
  classifier: (config) => new DecoderClassifier(config, prefix, new LlamaModel(config)),
  languageModel: (config) => new LanguageModel(config, prefix, new LlamaModel(config)),
};

/** `llama`: classifier and language model. */
export const llama: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "llama",
  classNames: classNamesOf("Llama"),
};
