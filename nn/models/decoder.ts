/**
 * Decoders with a head: language models over the vocabulary, classifiers by the last token.
 *
 * @module
 */

import { gather } from "../../core/ops/gather.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { expandDims, reshape, transpose } from "../../core/ops/view.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { dropWhere } from "../dropout/drop_hidden.ts";
import { ofRowTokens } from "../dropout/batch_dropout.ts";
import { insideLora } from "../dropout/plan.ts";
import { siteAt } from "../dropout/site.ts";
import { checkBatch, requireOneEach } from "../layers/check_batch.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { Model, type ModelConfig, type ModelOutput } from "./model.ts";

/** Embedding, layers and the last norm of a decoder. */
export abstract class DecoderBody extends Module {
  /** Token embedding, `[vocabulary, width]`. */
  abstract readonly embedding: Parameter;

  /** Normalised hidden states, `[batch, tokens, width]`. */
  abstract forward(context: ForwardContext): Tensor;

  /** Computes tables that are not parameters; the open scope owns them. */
  prepare(_device: Device): void {}
}

/** What language models and classifiers by the last token share. */
export abstract class Decoder extends Model {
  readonly #prefix: string;
  /** Embedding, layers and last norm. */
  readonly #body: DecoderBody;

  /**
   * Makes the model without numbers.
   *
   * @param prefix Field that checkpoints hold the body in
   * @param body Embedding, layers and last norm
   */
  constructor(config: ModelConfig, prefix: string, body: DecoderBody) {
    super(config);
    this.#prefix = prefix;
    this.#body = body;
  }

  /** The body under its architecture's name, then the head. */
  override *members(): Iterable<[string, Module | Parameter]> {
    yield [this.#prefix, this.#body];
    yield* super.members();
  }

  /** Computes the tables of the body; the open scope owns them. */
  override prepare(device: Device): void {
    this.#body.prepare(device);
  }

  /** Token embedding, `[vocabulary, width]`. */
  protected get embedding(): Parameter {
    return this.#body.embedding;
  }

  /** Normalised hidden states after output dropout, `[batch, tokens, width]`. */
  protected hiddenStates(context: ForwardContext): Tensor {
    checkBatch(context.batch, {
      vocabularySize: this.embedding.shape[0]!,
      maxPositions: this.config.maxPositions,
    });
    const hidden = this.#body.forward(context);
    const { layers } = this.config;
    return dropWhere(hidden, siteAt(context, "output", { path: "hidden", layers }));
  }
}

/** A decoder that predicts the next token, such as `GPT2LMHeadModel`. */
export class LanguageModel extends Decoder {
  /** `[vocabulary, width]`; absent where it is the token embedding. */
  lm_head: Projection | undefined;

  /**
   * Makes the model without numbers.
   *
   * @param prefix Field that checkpoints hold the body in
   * @param head Whether an output layer of its own has a bias; default false
   */
  constructor(
    config: ModelConfig,
    prefix: string,
    body: DecoderBody,
    { bias = false }: { readonly bias?: boolean } = {},
  ) {
    super(config, prefix, body);
    if (!config.tied) {
      this.lm_head = new Linear(config.hiddenSize, config.vocabularySize, { bias });
    }
  }

  /** The token embedding, where it is the output layer too. */
  override get tied(): Parameter | undefined {
    return this.lm_head === undefined ? this.embedding : undefined;
  }

  /** Gives the output layer a weight of its own, which starts as the token embedding. */
  override untie(): void {
    if (this.tied === undefined) return;
    const { shape: [vocabulary, width] } = this.tied;
    const head = new Linear(width!, vocabulary!, { bias: false });
    if (this.tied.filled) head.weight.value = this.tied.value;
    this.lm_head = head;
  }

  /** Predicts the successor of every token, or of the batch's `rows` alone. */
  override forward(context: ForwardContext): ModelOutput {
    const hidden = this.hiddenStates(context);
    const { rows } = context.batch;
    const logits = this.outputLayer(chosenStates(hidden, rows), context);
    const shape = [...hidden.shape.slice(0, 2), logits.shape[1]!];
    return { logits: rows === undefined ? reshape(logits, shape) : logits, hidden };
  }

  /**
   * Hidden states of every token, or of the batch's `rows` alone, `[targets, width]`: what
   * {@linkcode outputLayer} makes the logits of.
   */
  targetStates(context: ForwardContext): Tensor {
    return chosenStates(this.hiddenStates(context), context.batch.rows);
  }

  /**
   * Logits of hidden states: `[targets, width] -> [targets, vocabulary]`.
   *
   * @throws {OptionError} If an adapted layer drops, and the batch does not say whose tokens the states are
   */
  outputLayer(states: Tensor, context: ForwardContext): Tensor {
    const { lm_head } = this;
    if (lm_head === undefined) return matmul(states, transpose(this.embedding.value));
    const { dropout, batch } = context;
    const drops = dropout?.plan.sites.some(({ position }) => insideLora.includes(position));
    if (!drops || lm_head instanceof Linear) return lm_head.forward(states, context);
    const logits = batch.rows === undefined
      ? lm_head.forward(reshape(states, [batch.size, batch.width, lm_head.inputs]), context)
      : lm_head.forward(expandDims(states, 1), { ...context, dropout: ofRowTokens(dropout!) });
    return reshape(logits, [states.shape[0]!, lm_head.outputs]);
  }
}

/** Hidden states of some tokens, or of all: `[batch, tokens, width] -> [targets, width]`. */
function chosenStates(hidden: Tensor, rows: Tensor | undefined): Tensor {
  const flat = reshape(hidden, [-1, hidden.shape[2]!]);
  return rows === undefined ? flat : gather(flat, rows);
}

/** A decoder that classifies by the last real token, such as `GPT2ForSequenceClassification`. */
export class DecoderClassifier extends Decoder {
  /** `[labels, width]`. */
  readonly score: Projection;

  /**
   * Makes the model without numbers.
   *
   * @param prefix Field that checkpoints hold the body in
   */
  constructor(config: ModelConfig, prefix: string, body: DecoderBody) {
    super(config, prefix, body);
    const { hiddenSize, labels, initializerRange: deviation } = config;
    this.score = new Linear(hiddenSize, labels, { bias: false, deviation });
  }

  /** Classifies by the last real token. */
  override forward(context: ForwardContext): ModelOutput {
    requireOneEach(context.batch);
    const hidden = this.hiddenStates(context);
    const [batch, tokens, width] = hidden.shape as [number, number, number];
    const representation = gather(reshape(hidden, [batch * tokens, width]), this.#last(context));
    return { logits: this.score.forward(representation, context), representation, hidden };
  }

  /** Flat index of each text's last token that is no padding token; its first where all are. */
  #last({ batch: { texts = [], width, last } }: ForwardContext): Tensor {
    const { padId } = this.config;
    if (texts.every((ids) => ids.at(-1) !== padId)) return last;
    const found = texts.map((ids) => Math.max(0, ids.findLastIndex((id) => id !== padId)));
    return tensor(last.device, found.map((token, b) => b * width + token), undefined, "u32");
  }
}
