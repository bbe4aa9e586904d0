/**
 * BERT and RoBERTa encoders with a sequence classification or regression head.
 *
 * **Source**: Devlin et al. 2019; Liu et al. 2019. Field names are Hugging Face's.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { addWords, input, scalar, select } from "../../core/expr.ts";
import { add, tanh } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { rowwise } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import type { Tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import type { ModelConfig } from "./config.ts";
import { dropWhere } from "../dropout/mask.ts";
import { activated, hiddenCut, outputCut } from "../layers/feed_forward.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import { type ForwardContext, siteAt } from "../layers/forward_context.ts";

/** Position plus offset for real tokens; the padding token's number for pads. */
const robertaPositions = rowwise("robertaPositions", ["u32", "u32"], [
  select(
    input(1, "u32", 3).compare("eq", 1),
    addWords(input(0, "u32", 3), scalar(0, "u32")),
    scalar(1, "u32"),
  ),
]);

class Embeddings extends Module {
  readonly word_embeddings: Embedding;
  readonly position_embeddings: Embedding;
  readonly token_type_embeddings: Embedding;
  readonly LayerNorm: LayerNorm;
  readonly #offset: number;

  constructor(config: ModelConfig) {
    super();
    // RoBERTa counts positions from after the padding token's number.
    this.#offset = config.architecture === "roberta" ? (config.padId ?? 1) + 1 : 0;
    this.word_embeddings = new Embedding(config.vocabularySize, config.hiddenSize);
    this.position_embeddings = new Embedding(config.maxPositions + this.#offset, config.hiddenSize);
    this.token_type_embeddings = new Embedding(config.typeVocabularySize, config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
  }

  forward(context: ForwardContext): Tensor {
    const words = this.word_embeddings.forward(context.inputs.ids);
    const types = this.token_type_embeddings.forward(context.inputs.typeIds);
    return this.LayerNorm.forward(add(add(words, types), this.#positions(context)));
  }

  #positions({ inputs: { mask, positions, width } }: ForwardContext): Tensor {
    const { weight } = this.position_embeddings;
    if (this.#offset === 0 || mask === undefined) {
      return slice(weight.value, 0, this.#offset, this.#offset + width);
    }
    const scalars = [this.#offset, this.#offset - 1];
    return gather(weight.value, apply(robertaPositions, [positions, mask], { scalars })[0]!);
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
    const { heads, headSize: size, maxPositions: maximum, layers } = config;
    const sizes = { heads, keyValueHeads: heads, size, maximum, layers };
    this.#settings = { ...sizes, layer, causal: false };
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
  readonly #config: ModelConfig;
  readonly #layer: number;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.attention = new Attention(config, layer);
    this.intermediate = new Intermediate(config);
    this.output = new Output(config.intermediateSize, config);
    this.#config = config;
    this.#layer = layer;
  }

  forward(x: Tensor, context: ForwardContext): Tensor {
    const { layers, activation } = this.#config;
    const attended = this.attention.forward(x, context);
    const { dense, LayerNorm } = this.output;
    const inner = activated(activation, this.intermediate.dense, attended, context);
    const kept = hiddenCut(inner, "inner", context, this.#layer, layers);
    return LayerNorm.forward(outputCut(dense, kept, attended, context, this.#layer, layers));
  }
}

class Encoder extends Module {
  readonly layer: readonly Layer[];

  constructor(config: ModelConfig) {
    super();
    this.layer = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
  }
}

class Pooler extends Module {
  readonly dense: Projection;

  constructor(width: number) {
    super();
    this.dense = new Linear(width, width);
  }
}

/** Embeddings, layers and (BERT) the pooler. */
export class EncoderModel extends Module {
  /** Sum of word, segment and position embeddings, normalised. */
  readonly embeddings: Embeddings;
  /** The layers. */
  readonly encoder: Encoder;
  /** BERT's dense layer over the first token. */
  readonly pooler: Pooler | undefined;
  readonly #layers: number;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super();
    this.embeddings = new Embeddings(config);
    this.encoder = new Encoder(config);
    if (config.architecture === "bert") this.pooler = new Pooler(config.hiddenSize);
    this.#layers = config.layers;
  }

  /** Hidden states of the last layer, `[batch, tokens, width]`. */
  forward(context: ForwardContext): Tensor {
    let x = this.embeddings.forward(context);
    x = dropWhere(x, siteAt(context, "input", "embeddings", undefined, this.#layers));
    for (const layer of this.encoder.layer) {
      context.trace?.push(x);
      x = x.device.within("layer", () => layer.forward(x, context));
    }
    context.trace?.push(x);
    return x;
  }
}

/** RoBERTa's head: dense, tanh, projection. */
class RobertaHead extends Module {
  readonly dense: Projection;
  readonly out_proj: Projection;

  constructor({ hiddenSize, labels, initializerRange: deviation }: ModelConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, { deviation });
    this.out_proj = new Linear(hiddenSize, labels, { deviation });
  }
}

/** Logits of a batch, and the representation they were computed from. */
export interface ModelOutput {
  /** `[batch, labels]`. */
  readonly logits: Tensor;
  /** Last layer at the token that stands for the sequence, `[batch, width]`. */
  readonly representation: Tensor;
  /** Last layer, `[batch, tokens, width]`. */
  readonly hidden: Tensor;
}

/** `BertForSequenceClassification`. */
export class BertClassifier extends Module {
  /** Encoder. */
  readonly bert: EncoderModel;
  /** `[labels, width]` and bias. */
  readonly classifier: Projection;
  readonly #layers: number;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super();
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.bert = new EncoderModel(config);
    this.classifier = new Linear(hiddenSize, labels, { deviation });
    this.#layers = config.layers;
  }

  /** Classifies by the pooled first token. */
  classify(context: ForwardContext): ModelOutput {
    const hidden = this.bert.forward(context);
    const representation = firstToken(hidden);
    const pooled = tanh(this.bert.pooler!.dense.forward(representation, context));
    const dropped = dropWhere(pooled, siteAt(context, "output", "pooled", undefined, this.#layers));
    return { logits: this.classifier.forward(dropped, context), representation, hidden };
  }
}

/** `RobertaForSequenceClassification`. */
export class RobertaClassifier extends Module {
  /** Encoder. */
  readonly roberta: EncoderModel;
  /** Dense, tanh, projection. */
  readonly classifier: RobertaHead;
  readonly #layers: number;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super();
    this.roberta = new EncoderModel(config);
    this.classifier = new RobertaHead(config);
    this.#layers = config.layers;
  }

  /** Classifies by the first token. */
  classify(context: ForwardContext): ModelOutput {
    const hidden = this.roberta.forward(context);
    const representation = firstToken(hidden);
    const active = siteAt(context, "output", "pooled", undefined, this.#layers);
    const { dense, out_proj } = this.classifier;
    const inner = tanh(dense.forward(dropWhere(representation, active), context));
    return { logits: out_proj.forward(inner, context), representation, hidden };
  }
}

function firstToken(hidden: Tensor): Tensor {
  const [batch, , width] = hidden.shape as [number, number, number];
  return reshape(slice(hidden, 1, 0, 1), [batch, width]);
}
