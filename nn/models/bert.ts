/**
 * BERT as a sequence classifier or regressor.
 *
 * **Source**: Devlin et al. 2019, "BERT". Field names are Hugging Face's.
 *
 * @module
 */

import { tanh } from "../../core/ops/elementwise.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { siteAt } from "../dropout/site.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import type { Architecture } from "./architecture.ts";
import {
  encoderConfig,
  encoderDefaults,
  EncoderModel,
  encoderTraits,
  firstToken,
} from "./encoder.ts";
import type { EncoderConfig } from "./encoder_embeddings.ts";
import { Model, type ModelOutput } from "./model.ts";
import { Pooler } from "./pooler.ts";

/** `BertModel`: the encoder with a dense layer over the first token, which checkpoints may lack. */
class BertModel extends EncoderModel {
  readonly pooler: Pooler;

  constructor(config: EncoderConfig) {
    super(config);
    this.pooler = new Pooler(config);
  }
}

/** `BertForSequenceClassification`. */
class BertClassifier extends Model {
  readonly bert: BertModel;
  /** `[labels, width]` and bias. */
  readonly classifier: Projection;

  constructor(config: EncoderConfig) {
    super(config);
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.bert = new BertModel(config);
    this.classifier = new Linear(hiddenSize, labels, { deviation });
  }

  /** Classifies by the pooled first token. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.bert.forward(context);
    const representation = firstToken(hidden);
    const pooled = tanh(this.bert.pooler.dense.forward(representation, context));
    const { layers } = this.config;
    const dropped = dropWhere(pooled, siteAt(context, "output", { path: "pooled", layers }));
    return { logits: this.classifier.forward(dropped, context), representation, hidden };
  }
}

/** `bert`: classifier. */
export const bert: Architecture<EncoderConfig> = {
  ...encoderTraits,
  name: "bert",
  defaults: { ...encoderDefaults, padId: 0 },
  prefix: "bert",
  classNames: { classifier: "BertForSequenceClassification", languageModel: "BertForMaskedLM" },
  configure: encoderConfig,
  classifier: (config) => new BertClassifier(config),
};
