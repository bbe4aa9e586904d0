/**
 * RoBERTa as a sequence classifier or regressor: BERT's encoder, with positions that are counted from
 * after the padding token's number, and a head of two layers.
 *
 * **Source**: Liu et al. 2019, "RoBERTa". Field names are Hugging Face's.
 *
 * @module
 */

import { tanh } from "../../core/ops/elementwise.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import {
  type EncoderConfig,
  encoderConfig,
  encoderDefaults,
  EncoderModel,
  encoderTraits,
  firstToken,
} from "./encoder.ts";
import { Model, type ModelConfig, type ModelOutput } from "./model.ts";

/** `RobertaClassificationHead`: dense, tanh, projection. */
class Head extends Module {
  readonly dense: Projection;
  readonly out_proj: Projection;

  constructor({ hiddenSize, labels, initializerRange: deviation }: ModelConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, { deviation });
    this.out_proj = new Linear(hiddenSize, labels, { deviation });
  }
}

/** `RobertaForSequenceClassification`. */
class RobertaClassifier extends Model {
  readonly roberta: EncoderModel;
  readonly classifier: Head;

  constructor(config: EncoderConfig) {
    super(config);
    this.roberta = new EncoderModel(config);
    this.classifier = new Head(config);
  }

  /** Classifies by the first token. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.roberta.forward(context);
    const representation = firstToken(hidden);
    const { layers } = this.config;
    const active = siteAt(context, "output", { path: "pooled", layers });
    const { dense, out_proj } = this.classifier;
    const inner = tanh(dense.forward(dropWhere(representation, active), context));
    return { logits: out_proj.forward(inner, context), representation, hidden };
  }
}

/** The rows up to the padding token's number stand for no position. */
function configure(fields: ConfigFields, common: ModelConfig): EncoderConfig {
  const pad = common.padId;
  if (pad === undefined || pad < 0) fields.fail("pad_token_id", "a token number is required", pad);
  const positionOffset = pad + 1;
  const maxPositions = common.maxPositions - positionOffset;
  if (maxPositions < 1) {
    fields.fail("pad_token_id", "it must be below max_position_embeddings", common.padId);
  }
  return { ...encoderConfig(fields, common), maxPositions, positionOffset };
}

/** `roberta`: classifier. */
export const roberta: Architecture<EncoderConfig> = {
  ...encoderTraits,
  name: "roberta",
  defaults: { ...encoderDefaults, padId: 1, bosId: 0, eosId: 2 },
  prefix: "roberta",
  classNames: {
    classifier: "RobertaForSequenceClassification",
    languageModel: "RobertaForMaskedLM",
  },
  configure,
  classifier: (config) => new RobertaClassifier(config),
};
