/**
 * ModernBERT as a sequence classifier or regressor: an encoder with rotary positions, in which two of
 * three layers see a window of tokens.
 *
 * **Source**: Warner et al. 2024, "Smarter, Better, Faster, Longer". Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { type Rotary, type RotaryTables, rotate } from "../../core/ops/rotary.ts";
import { split } from "../../core/ops/slice.ts";
import type { Tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { type LayerPlace, layerPlace, siteAt } from "../dropout/site.ts";
import { attend, type AttentionSettings, longestMask, splitHeads } from "../layers/attention.ts";
import { checkBatch, requireOneEach } from "../layers/check_batch.ts";
import { type Activation, activations, downProject } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import { firstToken } from "./encoder.ts";
import { meanToken } from "./mean_token.ts";
import { Model, type ModelConfig, type ModelOutput } from "./model.ts";
import { firstTables, reachingTables, rowsByKind, sharedRows } from "./rotary_positions.ts";
import { type LayerKind, layersOfTwoKinds } from "./windows.ts";

/** What a configuration of ModernBERT says beside. */
interface ModernBertConfig extends ModelConfig {
  /** Rotary positions of layers that see all tokens, and of those with a window. */
  readonly rotaries: readonly Rotary[];
  /** Positions and window of each layer. */
  readonly layerKinds: readonly LayerKind[];
  /** Which layers have biases. */
  readonly biases: Readonly<Record<"attention" | "mlp" | "norm" | "head", boolean>>;
  /** Whether the mean of all tokens stands for a text, instead of the first. */
  readonly takesMean: boolean;
  /** Activation of the head. */
  readonly headActivation: Activation;
}

/** A norm of hidden states. */
const normOf = ({ hiddenSize, epsilon, biases }: ModernBertConfig) =>
  new LayerNorm(hiddenSize, epsilon, { bias: biases.norm });

class Embeddings extends Module {
  readonly tok_embeddings: Embedding;
  readonly norm: LayerNorm;

  constructor(config: ModernBertConfig) {
    super();
    this.tok_embeddings = new Embedding(config.vocabularySize, config.hiddenSize);
    this.norm = normOf(config);
  }
}

class Attention extends Module {
  /** `[3 · width, width]`: queries, keys and values. */
  readonly Wqkv: Projection;
  readonly Wo: Projection;
  readonly #settings: AttentionSettings;
  readonly #rotary: number;

  constructor(config: ModernBertConfig, layer: number) {
    super();
    const { hiddenSize, heads, headSize: size, biases } = config;
    this.Wqkv = new Linear(hiddenSize, 3 * hiddenSize, { bias: biases.attention });
    this.Wo = new Linear(hiddenSize, hiddenSize, { bias: biases.attention });
    const { rotary, window } = config.layerKinds[layer]!;
    const place = layerPlace(layer, config.layers);
    const own = { size, maximum: longestMask(config), place, causal: false, window };
    this.#settings = { heads, keyValueHeads: heads, ...own };
    this.#rotary = rotary!;
  }

  /** Attends and adds the residual. */
  forward(
    x: Tensor,
    residual: Tensor,
    rows: readonly RotaryTables[],
    context: ForwardContext,
  ): Tensor {
    const { heads } = this.#settings;
    const width = x.shape.at(-1)!;
    const [q, k, v] = split(this.Wqkv.forward(x, context), 2, [width, width, width])
      .map((part) => splitHeads(part, heads)) as [Tensor, Tensor, Tensor];
    const own = rows[this.#rotary]!;
    const projected = { query: rotate(q, own), key: rotate(k, own), value: v };
    return this.Wo.forward(attend(projected, this.#settings, context), context, residual);
  }
}

class FeedForward extends Module {
  /** `[2 · intermediate, width]`: what is activated, then its gate. */
  readonly Wi: Projection;
  readonly Wo: Projection;

  constructor({ hiddenSize, intermediateSize, biases }: ModernBertConfig) {
    super();
    this.Wi = new Linear(hiddenSize, 2 * intermediateSize, { bias: biases.mlp });
    this.Wo = new Linear(intermediateSize, hiddenSize, { bias: biases.mlp });
  }
}

class Layer extends Module {
  readonly attn_norm: LayerNorm | undefined;
  readonly attn: Attention;
  readonly mlp_norm: LayerNorm;
  readonly mlp: FeedForward;
  readonly #config: ModernBertConfig;
  readonly #place: LayerPlace;

  constructor(config: ModernBertConfig, layer: number) {
    super();
    // The norm of the embeddings stands right before the first layer.
    this.attn_norm = layer === 0 ? undefined : normOf(config);
    this.attn = new Attention(config, layer);
    this.mlp_norm = normOf(config);
    this.mlp = new FeedForward(config);
    this.#config = config;
    this.#place = layerPlace(layer, config.layers);
  }

  forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor {
    const attended = this.attn.forward(this.attn_norm?.forward(x) ?? x, x, rows, context);
    const { intermediateSize: size, activation } = this.#config;
    const both = this.mlp.Wi.forward(this.mlp_norm.forward(attended), context);
    const [own, gate] = split(both, 2, [size, size]) as [Tensor, Tensor];
    const inner = mul(activations[activation].alone(own), gate);
    return downProject(this.mlp.Wo, inner, attended, context, this.#place);
  }
}

/** `ModernBertModel`. */
class ModernBertModel extends Module {
  readonly embeddings: Embeddings;
  readonly layers: readonly Layer[];
  readonly final_norm: LayerNorm;
  readonly #config: ModernBertConfig;
  /** Of the positions so far. Work that was captured sees when others stand here. */
  protected tables: readonly RotaryTables[] = [];

  constructor(config: ModernBertConfig) {
    super();
    this.embeddings = new Embeddings(config);
    this.layers = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
    this.final_norm = normOf(config);
    this.#config = config;
  }

  /** Computes the rotary tables of the first positions; the open scope owns them. */
  prepare(device: Device): void {
    this.tables = firstTables(device, this.#config);
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  forward(context: ForwardContext): Tensor {
    const { batch, dropout } = context;
    requireOneEach(batch);
    checkBatch(batch, this.#config);
    const { tok_embeddings, norm } = this.embeddings;
    const embed = () => norm.forward(addEmbeddingNoise(tok_embeddings.forward(batch.ids), dropout));
    const last = runLayers(
      this.layers,
      () => batch.ids.device.within("embeddings", embed),
      context,
      (layer, x, inner, shared: readonly Tensor[]) => layer.forward(x, rowsByKind(shared), inner),
      {
        shared: (): readonly Tensor[] => {
          this.tables = reachingTables(this.tables, this.#config, batch.positions);
          return sharedRows(this.tables, batch.positions);
        },
      },
    );
    const hidden = this.final_norm.forward(last);
    context.trace?.push(hidden);
    return hidden;
  }
}

/** `ModernBertPredictionHead`: dense, activation, norm. */
class Head extends Module {
  readonly dense: Projection;
  readonly norm: LayerNorm;

  constructor(config: ModernBertConfig) {
    super();
    const { hiddenSize, biases, initializerRange: deviation } = config;
    this.dense = new Linear(hiddenSize, hiddenSize, { bias: biases.head, deviation });
    this.norm = normOf(config);
  }
}

/** `ModernBertForSequenceClassification`. */
class ModernBertClassifier extends Model {
  readonly model: ModernBertModel;
  readonly head: Head;
  /** `[labels, width]` and bias. */
  readonly classifier: Projection;
  readonly #config: ModernBertConfig;

  constructor(config: ModernBertConfig) {
    super(config);
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.model = new ModernBertModel(config);
    this.head = new Head(config);
    this.classifier = new Linear(hiddenSize, labels, { deviation });
    this.#config = config;
  }

  override prepare(device: Device): void {
    this.model.prepare(device);
  }

  /** Classifies by the first token, or by the mean of all. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.model.forward(context);
    const { takesMean, headActivation, layers } = this.#config;
    const representation = takesMean ? meanToken(hidden, context) : firstToken(hidden);
    const dense = this.head.dense.forward(representation, context);
    const pooled = this.head.norm.forward(activations[headActivation].alone(dense));
    const dropped = dropWhere(pooled, siteAt(context, "output", { path: "pooled", layers }));
    return { logits: this.classifier.forward(dropped, context), representation, hidden };
  }
}

function configure(fields: ConfigFields, common: ModelConfig): ModernBertConfig {
  requireToken(fields, common);
  fields.only("head_dim", [common.headSize], common.headSize);
  const reach = Math.floor(fields.size(["local_attention"], 128) / 2) + 1;
  const kinds = layersOfTwoKinds(fields, common, {
    window: reach,
    isFull: (layer) => layer % fields.size(["global_attn_every_n_layers"], 3) === 0,
    thetas: { full: ["global_rope_theta", 160000], local: ["local_rope_theta", 10000] },
    scaled: ["full_attention", "sliding_attention"],
  });
  const flag = (key: string) => fields.flag(key, false);
  return {
    ...common,
    ...kinds,
    biases: {
      attention: flag("attention_bias"),
      mlp: flag("mlp_bias"),
      norm: flag("norm_bias"),
      head: flag("classifier_bias"),
    },
    takesMean: fields.only("classifier_pooling", ["cls", "mean"], "cls") === "mean",
    headActivation: fields.activation("classifier_activation", "gelu"),
  };
}

/** `modernbert`: classifier. */
export const modernbert: Architecture<ModernBertConfig> = {
  name: "modernbert",
  causal: false,
  prefix: "model",
  classNames: {
    classifier: "ModernBertForSequenceClassification",
    languageModel: "ModernBertForMaskedLM",
  },
  targets: ["Wqkv"],
  buffers: /rotary_emb/,
  keys: { ...usualKeys, activation: "hidden_activation", epsilon: "norm_eps" },
  defaults: {
    activation: "gelu",
    tied: true,
    epsilon: 1e-5,
    padId: 50283,
    bosId: 50281,
    eosId: 50282,
  },
  configure,
  classifier: (config) => new ModernBertClassifier(config),
};
