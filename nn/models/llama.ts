/**
 * LLaMA's decoder.
 *
 * **Source**: Touvron et al. 2023. Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import {
  type Rotary,
  rotaryRows,
  type RotaryTables,
  rotaryTables,
  rotate,
  tablesReaching,
} from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { attend, type AttentionSettings, longestMask, splitHeads } from "../layers/attention.ts";
import { type Activation, downProject, gated } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { RmsNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import { DecoderBody, DecoderClassifier, LanguageModel } from "./decoder.ts";
import type { ModelConfig } from "./model.ts";
import { readRotary } from "./rope.ts";
import type { LayerKind } from "./windows.ts";

/** Keys that configurations of LLaMA and its kin have. */
export interface LlamaConfig extends ModelConfig {
  /** Rotary positions, of which each layer uses one kind or none. */
  readonly rotaries: readonly Rotary[];
  /** What each layer does in its own way. */
  readonly layerKinds: readonly LayerKind[];
  /** Whether query, key and value projections have biases. */
  readonly attentionBias: boolean;
  /** Whether the output projection of attention has one. */
  readonly outputBias: boolean;
  /** Whether queries and keys are normalised, head by head. */
  readonly headNorms: boolean;
  /** Whether the feed-forward layers have biases. */
  readonly mlpBias: boolean;
}

class Attention extends Module {
  readonly q_proj: Projection;
  readonly k_proj: Projection;
  readonly v_proj: Projection;
  readonly o_proj: Projection;
  readonly q_norm: RmsNorm | undefined;
  readonly k_norm: RmsNorm | undefined;
  readonly #settings: AttentionSettings;
  readonly #rotary: number | undefined;

  constructor(config: LlamaConfig, layer: number) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize: size, attentionBias: bias } = config;
    this.q_proj = new Linear(hiddenSize, heads * size, { bias });
    this.k_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.v_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.o_proj = new Linear(heads * size, hiddenSize, { bias: config.outputBias });
    const norm = () => config.headNorms ? new RmsNorm(size, config.epsilon) : undefined;
    this.q_norm = norm();
    this.k_norm = norm();
    const { causal } = config;
    const place = layerPlace(layer, config.layers);
    const maximum = longestMask(config);
    const { rotary, window } = config.layerKinds[layer]!;
    this.#rotary = rotary;
    this.#settings = { heads, keyValueHeads, size, maximum, place, causal, window };
  }

  /** Attends and adds the residual. */
  forward(
    x: Tensor,
    residual: Tensor,
    rows: readonly RotaryTables[],
    context: ForwardContext,
  ): Tensor {
    const { heads, keyValueHeads } = this.#settings;
    const placed = (projection: Projection, count: number, norm: RmsNorm | undefined) => {
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

class FeedForward extends Module {
  readonly gate_proj: Projection;
  readonly up_proj: Projection;
  readonly down_proj: Projection;

  constructor({ hiddenSize, intermediateSize, mlpBias: bias }: LlamaConfig) {
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
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: LlamaConfig, layer: number) {
    super();
    this.self_attn = new Attention(config, layer);
    this.mlp = new FeedForward(config);
    this.input_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.post_attention_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor {
    const { gate_proj, up_proj, down_proj } = this.mlp;
    const attended = this.self_attn.forward(this.input_layernorm.forward(x), x, rows, context);
    const normed = this.post_attention_layernorm.forward(attended);
    const gate = gate_proj.forward(normed, context);
    const inner = gated(this.#activation, gate, up_proj, normed, context);
    return downProject(down_proj, inner, attended, context, this.#place);
  }
}

/** Positions whose angles are computed before any text comes: models may have a million of them. */
const firstPositions = 1024;

/** `LlamaModel`: the decoder of LLaMA and its kin. */
export class LlamaModel extends DecoderBody {
  /** Token embedding, `[vocabulary, width]`. */
  readonly embed_tokens: Embedding;
  /** The layers, in their order. */
  readonly layers: readonly Layer[];
  /** Norm of the last layer's hidden states. */
  readonly norm: RmsNorm;
  readonly #config: LlamaConfig;
  /** Of the positions so far. Work that was captured sees when others stand here. */
  protected tables: readonly RotaryTables[] = [];

  /** Makes the model without numbers. */
  constructor(config: LlamaConfig) {
    super();
    this.embed_tokens = new Embedding(config.vocabularySize, config.hiddenSize);
    this.layers = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
    this.norm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#config = config;
  }

  /** Token embedding, `[vocabulary, width]`. */
  override get embedding(): Parameter {
    return this.embed_tokens.weight;
  }

  /** Computes the rotary tables of the first positions; the caller's scope owns them. */
  override prepare(device: Device): void {
    const { maxPositions, rotaries } = this.#config;
    const rows = Math.min(firstPositions, maxPositions);
    this.tables = rotaries.map((rotary) => rotaryTables(device, rows, rotary));
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    const { ids, positions } = context.batch;
    const shared = (): readonly Tensor[] => {
      this.#reach(positions);
      return this.tables.flatMap((tables) => {
        const { cosine, sine } = rotaryRows(tables, positions);
        return [cosine, sine];
      });
    };
    const last = runLayers(
      this.layers,
      () => addEmbeddingNoise(this.embed_tokens.forward(ids), context.dropout),
      context,
      (layer, x, inner, shared: readonly Tensor[]) => layer.forward(x, this.#rowsOf(shared), inner),
      { shared },
    );
    const hidden = this.norm.forward(last);
    context.trace?.push(hidden);
    return hidden;
  }

  /** Lets the tables reach the positions of a batch. */
  #reach(positions: Tensor): void {
    const { maxPositions, rotaries } = this.#config;
    const larger = this.tables.map((tables, i) =>
      tablesReaching(tables, rotaries[i]!, positions, maxPositions)
    );
    if (larger.some((tables, i) => tables !== this.tables[i])) this.tables = larger;
  }

  /** The rows of each table, cosines and sines in turn, by table. */
  #rowsOf(shared: readonly Tensor[]): RotaryTables[] {
    return this.tables.map((_, i) => ({ cosine: shared[2 * i]!, sine: shared[2 * i + 1]! }));
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
  return {
    ...common,
    headSize,
    keyValueHeads,
    rotaries: [readRotary(fields, { ...common, headSize }, defaults.theta)],
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
