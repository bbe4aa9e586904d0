/**
 * MPNet as a sequence classifier or regressor: BERT's encoder without segments, with one bias of the
 * scores for all layers, by head and by how far the key lies from the query.
 *
 * **Source**: Song et al. 2020, "MPNet"; the bias is that of Raffel et al. 2020, "T5". Field names are
 * Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { scale } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { slice } from "../../core/ops/slice.ts";
import { permute, reshape } from "../../core/ops/view.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import type { Architecture } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import {
  attentionSettings,
  EncoderAttention,
  encoderDefaults,
  EncoderLayers,
  EncoderModel,
  encoderTraits,
} from "./encoder.ts";
import type { EncoderConfig } from "./encoder_embeddings.ts";
import { Model, type ModelConfig, type ModelOutput } from "./model.ts";
import { ClassificationHead, positionsAfter } from "./roberta.ts";

/** Rows of the bias, half of them for keys behind the query; transformers knows no other number. */
const buckets = 32;
/** Distance from which on all keys share a row. */
const furthest = 128;

/** Row of the bias for a key that lies `ahead` tokens before the query: 0 to 7 exact, then by logarithm. */
export function relativeBucket(ahead: number): number {
  const half = buckets / 2;
  const exact = half / 2;
  const distance = Math.abs(ahead);
  const steps = Math.log(distance / exact) / Math.log(furthest / exact) * (half - exact);
  const row = distance < exact ? distance : Math.min(half - 1, exact + Math.floor(steps));
  return ahead < 0 ? half + row : row;
}

class SelfAttention extends Module {
  readonly q: Projection;
  readonly k: Projection;
  readonly v: Projection;
  readonly o: Projection;

  constructor(width: number) {
    super();
    this.q = new Linear(width, width);
    this.k = new Linear(width, width);
    this.v = new Linear(width, width);
    this.o = new Linear(width, width);
  }
}

class MpnetAttention extends EncoderAttention {
  readonly attn: SelfAttention;
  readonly LayerNorm: LayerNorm;
  readonly #settings: AttentionSettings;

  constructor(config: ModelConfig, layer: number) {
    super();
    this.attn = new SelfAttention(config.hiddenSize);
    this.LayerNorm = new LayerNorm(config.hiddenSize, config.epsilon);
    this.#settings = attentionSettings(config, layer);
  }

  override forward(x: Tensor, context: ForwardContext, [bias]: readonly [Tensor]): Tensor {
    const { q, k, v, o } = this.attn;
    const split = (p: Projection) => splitHeads(p.forward(x, context), this.#settings.heads);
    const terms = { of: [bias], make: (_q: Tensor, _k: Tensor, of: readonly Tensor[]) => of };
    const projected = { query: split(q), key: split(k), value: split(v), terms };
    const attended = attend(projected, this.#settings, context);
    return this.LayerNorm.forward(o.forward(attended, context, x));
  }
}

class MpnetLayers extends EncoderLayers {
  /** `[buckets, heads]`. */
  readonly relative_attention_bias: Embedding;
  readonly #config: ModelConfig;
  /** Row of the bias by query and key. */
  #rows: Tensor | undefined;

  constructor(config: ModelConfig) {
    super(config, (layer) => new MpnetAttention(config, layer));
    this.relative_attention_bias = new Embedding(buckets, config.heads);
    this.#config = config;
  }

  /** Computes which row each pair of places reads; the open scope owns the table. */
  prepare(device: Device, positions: number): void {
    const rows = Array.from(
      { length: positions ** 2 },
      (_, i) => relativeBucket(Math.floor(i / positions) - i % positions),
    );
    this.#rows = tensor(device, rows, [positions, positions], "u32");
  }

  /** The bias of the scores before their factor, `[1, heads, 1, queries, keys]`. */
  override shared({ batch: { width } }: ForwardContext): readonly [Tensor] {
    const { heads, headSize } = this.#config;
    const rows = slice(slice(this.#rows!, 0, 0, width), 1, 0, width);
    const bias = gather(this.relative_attention_bias.weight.value, rows);
    // It counts after the factor of the scores.
    const unscaled = scale(permute(bias, [2, 0, 1]), Math.sqrt(headSize));
    return [reshape(unscaled, [1, heads, 1, width, width])];
  }
}

/** `MPNetForSequenceClassification`. */
class MpnetClassifier extends Model {
  readonly mpnet: EncoderModel;
  readonly classifier: ClassificationHead;
  readonly #layers: MpnetLayers;

  constructor(config: EncoderConfig) {
    super(config);
    this.#layers = new MpnetLayers(config);
    this.mpnet = new EncoderModel(config, this.#layers);
    this.classifier = new ClassificationHead(config);
  }

  /** Computes the table of relative places; the open scope owns it. */
  override prepare(device: Device): void {
    this.#layers.prepare(device, this.config.maxPositions);
  }

  /** Classifies by the first token. */
  override forward(context: ForwardContext): ModelOutput {
    return this.classifier.forward(this.mpnet.forward(context), context, this.config.layers);
  }
}

/** The padding token whose number positions are counted from, whatever `pad_token_id` says. */
const pad = 1;

/** `mpnet`: classifier. */
export const mpnet: Architecture<EncoderConfig> = {
  ...encoderTraits,
  name: "mpnet",
  defaults: { ...encoderDefaults, padId: pad, bosId: 0, eosId: 2 },
  prefix: "mpnet",
  classNames: {
    classifier: "MPNetForSequenceClassification",
    languageModel: "MPNetForMaskedLM",
  },
  targets: ["q", "v"],
  configure(fields: ConfigFields, common: ModelConfig): EncoderConfig {
    requireToken(fields, common);
    fields.only("relative_attention_num_buckets", [buckets], buckets);
    return { ...common, ...positionsAfter(pad, fields, common) };
  },
  classifier: (config) => new MpnetClassifier(config),
};
