/**
 * Decoders with a head: language models over the vocabulary, classifiers by the last token.
 *
 * @module
 */

import { gather } from "../../core/ops/gather.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { reshape, transpose } from "../../core/ops/view.ts";
import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelOutput } from "./bert.ts";
import type { ModelConfig } from "./config.ts";
import type { DecoderBody } from "./decoder_body.ts";
import { dropWhere } from "../dropout/mask.ts";
import { Gpt2Model } from "./gpt2.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { LlamaModel } from "./llama.ts";
import { Module } from "../layers/module.ts";
import { type ForwardContext, siteAt } from "../layers/forward_context.ts";

/** What both heads share. */
export abstract class Decoder extends Module {
  /** GPT-2's body. */
  readonly transformer: DecoderBody | undefined;
  /** LLaMA's body. */
  readonly model: DecoderBody | undefined;
  readonly #layers: number;

  /** Makes the body without numbers. */
  constructor(config: ModelConfig) {
    super();
    if (config.architecture === "gpt2") this.transformer = new Gpt2Model(config);
    else this.model = new LlamaModel(config);
    this.#layers = config.layers;
  }

  /** Embedding, layers and last norm. */
  protected get below(): DecoderBody {
    return (this.transformer ?? this.model)!;
  }

  /** Computes tables that are not parameters; the open scope owns them. */
  prepare(device: Device): void {
    this.below.prepare(device);
  }

  /** Normalised hidden states after output dropout, `[batch, tokens, width]`. */
  body(context: ForwardContext): Tensor {
    const hidden = this.below.forward(context);
    return dropWhere(hidden, siteAt(context, "output", "hidden", undefined, this.#layers));
  }
}

/** `GPT2LMHeadModel` and `LlamaForCausalLM`. */
export class LanguageModel extends Decoder {
  /** `[vocabulary, width]`; absent where it is the token embedding. */
  lm_head: Projection | undefined;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super(config);
    if (!config.tied) {
      this.lm_head = new Linear(config.hiddenSize, config.vocabularySize, { bias: false });
    }
  }

  /** Gives the output layer a weight of its own, which starts as the token embedding. */
  untie(): void {
    if (this.lm_head !== undefined) return;
    const { shape: [vocabulary, width], value } = this.below.embedding;
    const head = new Linear(width!, vocabulary!, { bias: false });
    head.weight.value = value;
    this.lm_head = head;
  }

  /**
   * Logits of every token, or of chosen ones.
   *
   * @param rows Flat token indices, `[count]`; with them the result is `[count, vocabulary]`,
   * without `[batch, tokens, vocabulary]`
   */
  logits(context: ForwardContext, rows?: Tensor): Tensor {
    const hidden = this.body(context);
    const [batch, tokens, width] = hidden.shape as [number, number, number];
    const flat = reshape(hidden, [batch * tokens, width]);
    const chosen = rows === undefined ? flat : gather(flat, rows);
    const logits = this.lm_head?.forward(chosen, context) ??
      matmul(chosen, transpose(this.below.embedding.value));
    return rows === undefined ? reshape(logits, [batch, tokens, logits.shape[1]!]) : logits;
  }
}

/** `GPT2ForSequenceClassification` and `LlamaForSequenceClassification`. */
export class DecoderClassifier extends Decoder {
  /** `[labels, width]`. */
  readonly score: Projection;

  /** Makes the model without numbers. */
  constructor(config: ModelConfig) {
    super(config);
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.score = new Linear(hiddenSize, labels, { bias: false, deviation });
  }

  /** Classifies by the last real token. */
  classify(context: ForwardContext): ModelOutput {
    const hidden = this.body(context);
    const [batch, tokens, width] = hidden.shape as [number, number, number];
    const representation = gather(reshape(hidden, [batch * tokens, width]), context.inputs.last);
    return { logits: this.score.forward(representation, context), representation, hidden };
  }
}
