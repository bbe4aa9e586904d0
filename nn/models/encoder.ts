/**
 * The encoder that BERT, RoBERTa, MPNet and DeBERTa share. Field names are Hugging Face's.
 *
 * **Source**: Devlin et al. 2019, "BERT".
 *
 * @module
 */

import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, longestMask, splitHeads } from "../layers/attention.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { checkBatch, requireOneEach, type TableSizes } from "../layers/check_batch.ts";
import { activated, type Activation, downProject } from "../layers/feed_forward.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import { Embeddings, type EncoderConfig, type TokenEmbeddings } from "./encoder_embeddings.ts";
import type { ModelConfig } from "./model.ts";

/** What the architectures of this encoder have in common. */
export const encoderTraits: Pick<
  Architecture,
  "causal" | "targets" | "buffers" | "keys"
> = {
  causal: false,
  targets: ["query", "value"],
  buffers: /(position_ids|token_type_ids)$/,
  keys: { ...usualKeys, epsilon: "layer_norm_eps" },
};

/** Values of keys that the configurations of both may leave out. */
export const encoderDefaults = { activation: "gelu", tied: true, epsilon: 1e-12 } as const;

/** Reads the keys of an encoder whose first position has the first row. */
export function encoderConfig(fields: ConfigFields, common: ModelConfig): EncoderConfig {
  fields.only("position_embedding_type", ["absolute"], "absolute");
  fields.only("add_cross_attention", [false], false);
  fields.only("is_decoder", [false], false);
  requireToken(fields, common);
  const typeVocabularySize = fields.size(["type_vocab_size"], 2);
  return { ...common, typeVocabularySize, positionOffset: 0 };
}

class SelfAttention extends Module {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;

  constructor(width: number) {
    super();
    this.query = new Linear(width, width);
    this.key = new Linear(width, width);
    this.value = new Linear(width, width);
  }
}

/** Attention of a layer with the residual and its norm. */
export abstract class EncoderAttention extends Module {
  /**
   * Attends.
   *
   * @param shared What {@linkcode EncoderLayers.shared} gives all layers
   */
  abstract forward(x: Tensor, context: ForwardContext, shared: readonly Tensor[]): Tensor;
}

/** The attention of an encoder's layer, for {@linkcode attend}. */
export function attentionSettings(config: ModelConfig, layer: number): AttentionSettings {
  const { heads, headSize: size, causal } = config;
  const place = layerPlace(layer, config.layers);
  const maximum = longestMask(config);
  return { heads, keyValueHeads: heads, size, maximum, place, causal };
}

/** A linear layer, then the residual and its norm. */
export class ResidualOutput extends Module {
  /** `[width, inputs]` and bias. */
  readonly dense: Projection;
  /** Norm of the sum. */
  readonly LayerNorm: LayerNorm;

  /** Makes both without numbers. */
  constructor(inputs: number, config: ModelConfig) {
    super();
    this.dense = new Linear(inputs, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
  }
}

class Attention extends EncoderAttention {
  readonly self: SelfAttention;
  readonly output: ResidualOutput;
  readonly #settings: AttentionSettings;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.self = new SelfAttention(config.hiddenSize);
    this.output = new ResidualOutput(config.hiddenSize, config);
    this.#settings = attentionSettings(config, layer);
  }

  override forward(x: Tensor, context: ForwardContext): Tensor {
    const { heads } = this.#settings;
    const { query, key, value } = this.self;
    const split = (p: Projection) => splitHeads(p.forward(x, context), heads);
    const projected = { query: split(query), key: split(key), value: split(value) };
    const attended = attend(projected, this.#settings, context);
    return this.output.LayerNorm.forward(this.output.dense.forward(attended, context, x));
  }
}

class Intermediate extends Module {
  readonly dense: Projection;

  constructor(config: ModelConfig) {
    super();
    this.dense = new Linear(config.hiddenSize, config.intermediateSize);
  }
}

/** A layer of an encoder: attention and feed-forward module. */
export class EncoderLayer extends Module {
  /** Attention with the residual and its norm. */
  readonly attention: EncoderAttention;
  /** The first layer of the feed-forward module. */
  readonly intermediate: Intermediate;
  /** The second one, the residual and its norm. */
  readonly output: ResidualOutput;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  /** Makes the layer without numbers. */
  constructor(config: ModelConfig, layer: number, attention: EncoderAttention) {
    super();
    this.attention = attention;
    this.intermediate = new Intermediate(config);
    this.output = new ResidualOutput(config.intermediateSize, config);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  /** All of the layer but its last norm. */
  forward(x: Tensor, context: ForwardContext, shared: readonly Tensor[]): Tensor {
    const attended = this.attention.forward(x, context, shared);
    const inner = activated(this.#activation, this.intermediate.dense, attended, context);
    return downProject(this.output.dense, inner, attended, context, this.#place);
  }
}

/** The layers of an encoder. */
export class EncoderLayers extends Module {
  /** The layers, in their order. */
  readonly layer: readonly EncoderLayer[];

  /**
   * Makes the layers without numbers.
   *
   * @param attentionOf Makes the attention of a layer; default BERT's
   */
  constructor(
    config: ModelConfig,
    attentionOf: (layer: number) => EncoderAttention = (layer) => new Attention(config, layer),
  ) {
    super();
    const layers = Array.from({ length: config.layers }, (_, i) => i);
    this.layer = layers.map((i) => new EncoderLayer(config, i, attentionOf(i)));
  }

  /** All of a layer but its last norm, `[batch, tokens, width]` unchanged. */
  forward(
    layer: EncoderLayer,
    x: Tensor,
    context: ForwardContext,
    shared: readonly Tensor[],
  ): Tensor {
    return layer.forward(x, context, shared);
  }

  /** The last norm of a layer. */
  finish(layer: EncoderLayer, x: Tensor): Tensor {
    return layer.output.LayerNorm.forward(x);
  }

  /** What the attention of every layer reads beside its input; default nothing. */
  shared(_context: ForwardContext): readonly Tensor[] {
    return [];
  }
}

/** Embeddings and layers, such as `RobertaModel`. */
export class EncoderModel extends Module {
  /** What it makes of tokens before its first layer. */
  readonly embeddings: TokenEmbeddings;
  /** The layers, in their order. */
  readonly encoder: EncoderLayers;
  readonly #sizes: TableSizes;

  /** Makes the model without numbers; its parts are BERT's where none are given. */
  constructor(
    config: EncoderConfig,
    encoder: EncoderLayers = new EncoderLayers(config),
    embeddings: TokenEmbeddings = new Embeddings(config),
  ) {
    super();
    this.embeddings = embeddings;
    this.encoder = encoder;
    this.#sizes = config;
  }

  /** Hidden states of the last layer, `[batch, tokens, width]`. */
  forward(context: ForwardContext): Tensor {
    requireOneEach(context.batch);
    checkBatch(context.batch, this.#sizes);
    const embed = () => this.embeddings.forward(context);
    const { encoder } = this;
    const hidden = runLayers(
      encoder.layer,
      () => context.batch.ids.device.within("embeddings", embed),
      context,
      (layer, x, inner, shared: readonly Tensor[]) => encoder.forward(layer, x, inner, shared),
      {
        shared: () => encoder.shared(context),
        finish: (layer, x) => encoder.finish(layer, x),
      },
    );
    context.trace?.push(hidden);
    return hidden;
  }
}

/** Hidden states of the first token, `[batch, tokens, width] -> [batch, width]`. */
export function firstToken(hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as [number, number, number];
  return reshape(slice(hidden, 1, 0, 1), [batch, width]);
}
