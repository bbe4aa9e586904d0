/**
 * DeBERTa of versions 2 and 3 as a sequence classifier or regressor: BERT's encoder, in whose scores
 * content meets the content of keys and, by projections of their own, how far they are.
 *
 * **Source**: He et al. 2021, "DeBERTa", and He et al. 2023, "DeBERTaV3". Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { add } from "../../core/ops/elementwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { expandDims, flip } from "../../core/ops/view.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { siteAt } from "../dropout/site.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import { type Activation, activations } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import type { Architecture } from "./architecture.ts";
import { type DebertaConfig, debertaConfig } from "./deberta_config.ts";
import { ConvLayer } from "./deberta_conv.ts";
import { placeRow, placeTerms, projectPlaces } from "./deberta_places.ts";
import {
  attentionSettings,
  EncoderAttention,
  encoderDefaults,
  type EncoderLayer,
  EncoderLayers,
  EncoderModel,
  encoderTraits,
  firstToken,
  ResidualOutput,
} from "./encoder.ts";
import { TokenEmbeddings } from "./encoder_embeddings.ts";
import { Model, type ModelOutput } from "./model.ts";
import { Pooler } from "./pooler.ts";

/** `DebertaV2Embeddings`. */
class DebertaEmbeddings extends TokenEmbeddings {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding | undefined;
  readonly token_type_embeddings: Embedding | undefined;
  /** `[width, embedding width]`, where the two differ. */
  readonly embed_proj: Projection | undefined;
  readonly LayerNorm: LayerNorm;

  constructor(config: DebertaConfig) {
    super();
    const { embeddingSize: size, hiddenSize, typeVocabularySize: types } = config;
    this.word_embeddings = new Embedding(config.vocabularySize, size);
    if (config.absolute) this.position_embeddings = new Embedding(config.maxPositions, size);
    if (types !== undefined) this.token_type_embeddings = new Embedding(types, size);
    if (size !== hiddenSize) this.embed_proj = new Linear(size, hiddenSize, { bias: false });
    this.LayerNorm = new LayerNorm(hiddenSize, config.epsilon);
  }

  override forward(context: ForwardContext): Tensor {
    const { batch, dropout } = context;
    const positions = this.position_embeddings?.weight.value;
    const sum = [
      addEmbeddingNoise(this.word_embeddings.forward(batch.ids), dropout),
      positions && slice(positions, 0, 0, batch.width),
      this.token_type_embeddings?.forward(batch.typeIds),
    ].filter((part) => part !== undefined).reduce(add);
    return this.LayerNorm.forward(this.embed_proj?.forward(sum, context) ?? sum);
  }
}

/** `DisentangledSelfAttention`. */
class SelfAttention extends Module {
  readonly query_proj: Projection;
  readonly key_proj: Projection;
  readonly value_proj: Projection;
  /** Of relative places, where they do not share those of content. */
  readonly pos_key_proj: Projection | undefined;
  readonly pos_query_proj: Projection | undefined;

  constructor({ hiddenSize: width, places, meets, sharesProjections }: DebertaConfig) {
    super();
    this.query_proj = new Linear(width, width);
    this.key_proj = new Linear(width, width);
    this.value_proj = new Linear(width, width);
    if (places === undefined || sharesProjections) return;
    if (meets.c2p) this.pos_key_proj = new Linear(width, width);
    if (meets.p2c) this.pos_query_proj = new Linear(width, width);
  }
}

class DebertaAttention extends EncoderAttention {
  readonly self: SelfAttention;
  readonly output: ResidualOutput;
  readonly #settings: AttentionSettings;
  readonly #config: DebertaConfig;

  constructor(config: DebertaConfig, layer: number) {
    super();
    this.self = new SelfAttention(config);
    this.output = new ResidualOutput(config.hiddenSize, config);
    this.#settings = { ...attentionSettings(config, layer), scale: config.scale };
    this.#config = config;
  }

  override forward(x: Tensor, context: ForwardContext, [places]: readonly Tensor[]): Tensor {
    const { query_proj, key_proj, value_proj } = this.self;
    const split = (p: Projection) => splitHeads(p.forward(x, context), this.#settings.heads);
    const projected = {
      query: split(query_proj),
      key: split(key_proj),
      value: split(value_proj),
      ...(places && { terms: this.#terms(places, context) }),
    };
    const attended = attend(projected, this.#settings, context);
    return this.output.LayerNorm.forward(this.output.dense.forward(attended, context, x));
  }

  /** What scores have by place; places are `[1, 2 · tokens - 1, width]`. */
  #terms(places: Tensor, context: ForwardContext) {
    const { meets: { c2p, p2c } } = this.#config;
    const { query_proj, key_proj, pos_key_proj = key_proj, pos_query_proj = query_proj } =
      this.self;
    const { heads, place } = this.#settings;
    const vectors = (p: Projection) =>
      expandDims(splitHeads(projectPlaces(p, places, context, place), heads), 2);
    return placeTerms({
      keys: c2p ? flip(vectors(pos_key_proj), 3) : undefined,
      queries: p2c ? vectors(pos_query_proj) : undefined,
    });
  }
}

class DebertaLayers extends EncoderLayers {
  /** `[2 · span, width]`; absent where attention knows no places. */
  readonly rel_embeddings: Embedding | undefined;
  /** Norm of the places. */
  readonly LayerNorm: LayerNorm | undefined;
  /** A convolution beside the first layer, whose norm stands behind both. */
  readonly conv: ConvLayer | undefined;
  readonly #config: DebertaConfig;
  /** Row of the table by distance, the key furthest behind the query first. */
  #rows: Tensor | undefined;

  constructor(config: DebertaConfig) {
    super(config, (layer) => new DebertaAttention(config, layer));
    const { places, hiddenSize, epsilon } = config;
    if (places !== undefined) this.rel_embeddings = new Embedding(2 * places.span, hiddenSize);
    if (config.normsPlaces) this.LayerNorm = new LayerNorm(hiddenSize, epsilon);
    if (config.convolution !== undefined) this.conv = new ConvLayer(config, config.convolution);
    this.#config = config;
  }

  override forward(
    layer: EncoderLayer,
    x: Tensor,
    context: ForwardContext,
    shared: readonly Tensor[],
  ): Tensor {
    const own = super.forward(layer, x, context, shared);
    if (this.conv === undefined || layer !== this.layer[0]) return own;
    return this.conv.forward(x, super.finish(layer, own), context);
  }

  override finish(layer: EncoderLayer, x: Tensor): Tensor {
    if (this.conv === undefined || layer !== this.layer[0]) return super.finish(layer, x);
    return this.conv.LayerNorm.forward(x);
  }

  /** Computes which row each distance reads; the open scope owns the list. */
  prepare(device: Device): void {
    const { places, maxPositions } = this.#config;
    if (places === undefined) return;
    const rows = Array.from(
      { length: 2 * maxPositions - 1 },
      (_, i) => placeRow(i - maxPositions + 1, places),
    );
    this.#rows = tensor(device, rows, [rows.length], "u32");
  }

  /** The places that tokens can have to each other, `[1, 2 · tokens - 1, width]`. */
  override shared({ batch: { width } }: ForwardContext): readonly Tensor[] {
    if (this.rel_embeddings === undefined) return [];
    const { maxPositions } = this.#config;
    const rows = slice(this.#rows!, 0, maxPositions - width, maxPositions + width - 1);
    const places = this.rel_embeddings.forward(rows);
    return [expandDims(this.LayerNorm?.forward(places) ?? places, 0)];
  }
}

/** `DebertaV2ForSequenceClassification`. */
class DebertaClassifier extends Model {
  readonly deberta: EncoderModel;
  readonly pooler: Pooler;
  /** `[labels, width]` and bias. */
  readonly classifier: Projection;
  readonly #layers: DebertaLayers;
  readonly #activation: Activation;

  constructor(config: DebertaConfig) {
    super(config);
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.#layers = new DebertaLayers(config);
    this.#activation = config.headActivation;
    this.deberta = new EncoderModel(config, this.#layers, new DebertaEmbeddings(config));
    this.pooler = new Pooler(config);
    this.classifier = new Linear(hiddenSize, labels, { deviation });
  }

  /** Computes the rows of relative places; the open scope owns them. */
  override prepare(device: Device): void {
    this.#layers.prepare(device);
  }

  /** Classifies by the pooled first token. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.deberta.forward(context);
    const representation = firstToken(hidden);
    const dense = this.pooler.dense.forward(representation, context);
    const pooled = activations[this.#activation].alone(dense);
    const { layers } = this.config;
    const dropped = dropWhere(pooled, siteAt(context, "output", { path: "pooled", layers }));
    return { logits: this.classifier.forward(dropped, context), representation, hidden };
  }
}

/** `deberta-v2`: classifier; version 3 has the same name. */
export const deberta: Architecture<DebertaConfig> = {
  ...encoderTraits,
  name: "deberta-v2",
  defaults: { ...encoderDefaults, epsilon: 1e-7, padId: 0 },
  prefix: "deberta",
  classNames: {
    classifier: "DebertaV2ForSequenceClassification",
    languageModel: "DebertaV2ForMaskedLM",
  },
  targets: ["query_proj", "value_proj"],
  // Checkpoints hold absolute positions that the configuration then leaves out.
  buffers: /(position_ids|position_embeddings\.weight|^(lm|mask)_predictions\..+)$/,
  configure: debertaConfig,
  classifier: (config) => new DebertaClassifier(config),
};
