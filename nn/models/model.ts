/**
 * What every model is, whatever its architecture and its head: a configuration, parameters, and one
 * `forward` from a batch to logits.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Activation } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Module, type Parameter } from "../layers/module.ts";

/** What a model is, apart from its numbers. Architectures extend it by keys of their own. */
export interface ModelConfig {
  /** Name of the architecture, which is `model_type` in config.json. */
  readonly architecture: string;
  /** Whether a token sees earlier ones alone, as in decoders. */
  readonly causal: boolean;
  /** Rows of the token embedding. */
  readonly vocabularySize: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Number of layers. */
  readonly layers: number;
  /** Number of query heads. */
  readonly heads: number;
  /** Key and value heads; queries share them in groups. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly headSize: number;
  /** Width inside the feed-forward module. */
  readonly intermediateSize: number;
  /** Activation inside the feed-forward module. */
  readonly activation: Activation;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Longest text that is continued, in tokens, where that is not the longest sequence. */
  readonly longestContinued?: number;
  /** Windows that layers have, in tokens, each once; absent where all layers see all tokens. */
  readonly windows?: readonly number[] | undefined;
  /** Summand of the norms. */
  readonly epsilon: number;
  /** Padding token, where the model has one. */
  readonly padId: number | undefined;
  /** Token that begins a text. */
  readonly bosId: number | undefined;
  /** Tokens that end a text. */
  readonly eosIds: readonly number[];
  /** Whether the output layer of a language model is the token embedding. */
  readonly tied: boolean;
  /** Classes of a classification head; 1 for regression. */
  readonly labels: number;
  /** Names of the classes, where the configuration has them. */
  readonly labelNames: readonly string[];
  /** Deviation of new weights. */
  readonly initializerRange: number;
}

/** What a model computes of a batch. */
export interface ModelOutput {
  /**
   * Classifiers: `[batch, labels]`. Language models: `[batch, tokens, vocabulary]`, or
   * `[targets, vocabulary]` of the batch's `rows`.
   */
  readonly logits: Tensor;
  /** Hidden states of the last layer, `[batch, tokens, width]`. */
  readonly hidden: Tensor;
  /** Classifiers: hidden state of the token that stands for the sequence, `[batch, width]`. */
  readonly representation?: Tensor;
}

/** A model with its head. */
export abstract class Model extends Module {
  /** Makes the model without numbers. */
  constructor(
    /** What it is, apart from its numbers. */
    readonly config: ModelConfig,
  ) {
    super();
  }

  /** Computes logits; with dropout where the context carries it. */
  abstract forward(context: ForwardContext): ModelOutput;

  /** Computes tables that are not parameters; the open scope owns them. */
  prepare(_device: Device): void {}

  /** The parameter that is both token embedding and output layer, in a language model that ties them. */
  get tied(): Parameter | undefined {
    return undefined;
  }

  /** Gives the output layer a weight of its own, which starts as the token embedding. */
  untie(): void {}
}
