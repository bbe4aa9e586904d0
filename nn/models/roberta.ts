/**
 * RoBERTa as a sequence classifier or regressor: BERT's encoder, with positions that are counted from
 * after the padding token's number, and a head of two layers.
 *
 * **Source**: Liu et al. 2019, "RoBERTa". Field names are Hugging Face's.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";
import { tanh } from "../../core/ops/elementwise.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module } from "../layers/module.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import {
  encoderConfig,
  encoderDefaults,
  EncoderModel,
  encoderTraits,
  firstToken,
} from "./encoder.ts";
import type { EncoderConfig } from "./encoder_embeddings.ts";
import { Model, type ModelConfig, type ModelOutput } from "./model.ts";

/** `RobertaClassificationHead`: dense, tanh, projection. */
export class ClassificationHead extends Module {
  /** `[width, width]` and bias. */
  readonly dense: Projection;
  /** `[labels, width]` and bias. */
  readonly out_proj: Projection;

  /** Makes the head without numbers. */
  constructor({ hiddenSize, labels, initializerRange: deviation }: ModelConfig) {
    super();
    this.dense = new Linear(hiddenSize, hiddenSize, { deviation });
    this.out_proj = new Linear(hiddenSize, labels, { deviation });
  }

  /** Classifies by the first token of hidden states, `[batch, tokens, width]`. */
  forward(hidden: Tensor, context: ForwardContext, layers: number): ModelOutput {
    const representation = firstToken(hidden);
    const active = siteAt(context, "output", { path: "pooled", layers });
    const inner = tanh(this.dense.forward(dropWhere(representation, active), context));
    return { logits: this.out_proj.forward(inner, context), representation, hidden };
  }
}

/** `RobertaForSequenceClassification`. */
class RobertaClassifier extends Model {
  readonly roberta: EncoderModel;
  readonly classifier: ClassificationHead;

  constructor(config: EncoderConfig) {
    super(config);
    this.roberta = new EncoderModel(config);
    this.classifier = new ClassificationHead(config);
  }

  /** Classifies by the first token. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.roberta.forward(context);
    return this.classifier.forward(hidden, context, this.config.layers);
  }
}

/**
 * Positions that are counted from after the padding token's number: the rows up to it stand for none.
 *
 * @throws {FileError} If that leaves no position
 */
export function positionsAfter(
  pad: number | undefined,
  fields: ConfigFields,
  { maxPositions: rows }: Pick<ModelConfig, "maxPositions">,
): Pick<EncoderConfig, "maxPositions" | "positionOffset"> {
  if (pad === undefined || pad < 0) fields.fail("pad_token_id", "a token number is required", pad);
  const maxPositions = rows - (pad + 1);
  if (maxPositions < 1) {
    fields.fail("pad_token_id", "it must be below max_position_embeddings", pad);
  }
  return { maxPositions, positionOffset: pad + 1 };
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
  configure(fields, common) {
    const positions = positionsAfter(common.padId, fields, common);
    return { ...encoderConfig(fields, common), ...positions };
  },
  classifier: (config) => new RobertaClassifier(config),
};
