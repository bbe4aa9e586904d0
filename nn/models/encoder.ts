/**
 * The encoder that BERT and RoBERTa share. Field names are Hugging Face's.
 *
 * **Source**: Devlin et al. 2019, "BERT".
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { addWords, input, scalar, select } from "../../core/expr.ts";
import { add } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { rowwise } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { checkBatch, requireOneEach, type TableSizes } from "../layers/check_batch.ts";
import { activated, type Activation, downProject } from "../layers/feed_forward.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import type { ModelConfig } from "./model.ts";

/** Configuration of an encoder with learned positions and segments. */
export interface EncoderConfig extends ModelConfig {
  /** Segments that tokens can belong to. */
  readonly typeVocabularySize: number;
  /** Rows of the position embedding before that of the first position. */
  readonly positionOffset: number;
}

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

/** Row of a real token's position; that before the first position for pads. */
const positionRows = rowwise("positionRows", { positions: "u32", mask: "u32" }, [
  select(
    input(1, "u32", 3).compare("eq", 1),
    addWords(input(0, "u32", 3), scalar(0, "u32")),
    scalar(1, "u32"),
  ),
]);

/**
 * The same where texts hold the padding token: it has the row of pads, and is not counted.
 *
 * @param positions `[batch, tokens]`, which gives the shape
 * @param pad The padding token and the row of pads, which are one number
 */
function positionsBesidePads(
  { device, shape }: Tensor,
  texts: readonly (readonly number[])[],
  pad: number,
): Tensor {
  const [size, width] = shape as [number, number];
  const rows = new Uint32Array(size * width).fill(pad);
  texts.forEach((ids, b) => {
    let row = pad;
    ids.forEach((id, t) => {
      if (id !== pad) rows[b * width + t] = ++row;
    });
  });
  return tensor(device, rows, shape, "u32");
}

class Embeddings extends Module {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding;
  readonly token_type_embeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly #offset: number;

  constructor(config: EncoderConfig) {
    super();
    this.#offset = config.positionOffset;
    this.word_embeddings = new Embedding(config.vocabularySize, config.hiddenSize);
    this.position_embeddings = new Embedding(config.maxPositions + this.#offset, config.hiddenSize);
    this.token_type_embeddings = new Embedding(config.typeVocabularySize, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
  }

  forward(context: ForwardContext): Tensor {
    const { batch, dropout } = context;
    const words = addEmbeddingNoise(this.word_embeddings.forward(batch.ids), dropout);
    const types = this.token_type_embeddings.forward(batch.typeIds);
    return this.LayerNorm.forward(add(add(words, types), this.#positions(context)));
  }

  #positions({ batch: { mask, positions, width, texts = [] } }: ForwardContext): Tensor {
    const { weight } = this.position_embeddings;
    const pad = this.#offset - 1;
    if (pad >= 0 && texts.some((ids) => ids.includes(pad))) {
      return gather(weight.value, positionsBesidePads(positions, texts, pad));
    }
    if (this.#offset === 0 || mask === undefined) {
      return slice(weight.value, 0, this.#offset, this.#offset + width);
    }
    const scalars = [this.#offset, pad];
    return gather(weight.value, apply(positionRows, [positions, mask], { scalars })[0]!);
  }
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

/** A linear layer, then the residual and its norm. */
class Output extends Module {
  readonly dense: Projection;
  readonly LayerNorm: LayerNorm;

  constructor(inputs: number, config: ModelConfig) {
    super();
    this.dense = new Linear(inputs, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
  }
}

class Attention extends Module {
  readonly self: SelfAttention;
  readonly output: Output;
  readonly #settings: AttentionSettings;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.self = new SelfAttention(config.hiddenSize);
    this.output = new Output(config.hiddenSize, config);
    const { heads, headSize: size, maxPositions: maximum, causal } = config;
    const place = layerPlace(layer, config.layers);
    this.#settings = { heads, keyValueHeads: heads, size, maximum, place, causal };
  }

  forward(x: Tensor, context: ForwardContext): Tensor {
    const { heads } = this.#settings;
    const { query, key, value } = this.self;
    const [q, k, v] = [query, key, value].map((p) => splitHeads(p.forward(x, context), heads));
    const attended = attend(q!, k!, v!, this.#settings, context);
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

class Layer extends Module {
  readonly attention: Attention;
  readonly intermediate: Intermediate;
  readonly output: Output;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.attention = new Attention(config, layer);
    this.intermediate = new Intermediate(config);
    this.output = new Output(config.intermediateSize, config);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  /** All of the layer but its last norm. */
  forward(x: Tensor, context: ForwardContext): Tensor {
    const attended = this.attention.forward(x, context);
    const inner = activated(this.#activation, this.intermediate.dense, attended, context);
    return downProject(this.output.dense, inner, attended, context, this.#place);
  }
}

class Encoder extends Module {
  readonly layer: readonly Layer[];

  constructor(config: ModelConfig) {
    super();
    this.layer = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
  }
}

/** Embeddings and layers, such as `RobertaModel`. */
export class EncoderModel extends Module {
  /** Sum of word, segment and position embeddings, normalised. */
  readonly embeddings: Embeddings;
  /** The layers, in their order. */
  readonly encoder: Encoder;
  readonly #sizes: TableSizes;

  /** Makes the model without numbers. */
  constructor(config: EncoderConfig) {
    super();
    this.embeddings = new Embeddings(config);
    this.encoder = new Encoder(config);
    this.#sizes = config;
  }

  /** Hidden states of the last layer, `[batch, tokens, width]`. */
  forward(context: ForwardContext): Tensor {
    requireOneEach(context.batch);
    checkBatch(context.batch, this.#sizes);
    const embed = () => this.embeddings.forward(context);
    const { layer: layers } = this.encoder;
    const hidden = runLayers(
      layers,
      () => context.batch.ids.device.within("embeddings", embed),
      context,
      (layer, x, inner) => layer.forward(x, inner),
      { finish: (layer, x) => layer.output.LayerNorm.forward(x) },
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
