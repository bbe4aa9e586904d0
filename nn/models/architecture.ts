/**
 * What this library must know of an architecture: all of it stands in one object, in one file, which
 * `registry.ts` lists.
 *
 * @module
 */

import type { Activation } from "../layers/feed_forward.ts";
import type { ConfigFields } from "./config_fields.ts";
import type { LanguageModel } from "./decoder.ts";
import type { Model, ModelConfig } from "./model.ts";

/**
 * Keys of config.json that architectures spell differently. Of two spellings the first that a file has
 * counts, and the last is the one that is missed.
 */
export interface ConfigKeys {
  /** Width of the hidden states. */
  readonly hiddenSize: readonly string[];
  /** Number of layers. */
  readonly layers: readonly string[];
  /** Number of query heads. */
  readonly heads: readonly string[];
  /** Width inside the feed-forward module. */
  readonly intermediateSize: readonly string[];
  /** Longest sequence, in tokens. */
  readonly maxPositions: readonly string[];
  /** Activation inside the feed-forward module. */
  readonly activation: string;
  /** Summand of the norms. */
  readonly epsilon: string;
}

/** An architecture, whose configuration may have keys of its own. */
export interface Architecture<Config extends ModelConfig = ModelConfig> {
  /** Value of `model_type`. */
  readonly name: string;
  /** Whether a token sees earlier ones alone, as in decoders. */
  readonly causal: boolean;
  /** Field of the whole model that holds the model without its head, such as `bert`. */
  readonly prefix: string;
  /** Classes of transformers, as merged configurations name them. */
  readonly classNames: { readonly classifier: string; readonly languageModel: string };
  /** Modules that LoRA adapts where nothing is said: those of queries and values. */
  readonly targets: readonly string[];
  /** Tensors of checkpoints that are no parameters, such as tables. */
  readonly buffers: RegExp;
  /** Own spellings of keys. */
  readonly keys: ConfigKeys;
  /** Values of keys that a config.json may leave out. */
  readonly defaults: {
    readonly activation: Activation;
    readonly tied: boolean;
    /** Summand of the norms. */
    readonly epsilon: number;
    /** Special tokens, where there are such. */
    readonly padId?: number;
    readonly bosId?: number;
    readonly eosId?: number;
    /** Multiple of the hidden size; without it the key is required. */
    readonly intermediateRatio?: number;
  };
  /**
   * Completes a configuration by the architecture's own keys.
   *
   * @throws {FileError} If one of them does not fit
   */
  configure(fields: ConfigFields, common: ModelConfig): Config;
  /** Makes a sequence classifier (or regressor) without numbers. */
  classifier(config: Config): Model;
  /** Makes a language model without numbers; absent where there is none. */
  languageModel?(config: Config): LanguageModel;
}

/** The spellings of most architectures. */
export const usualKeys: Omit<ConfigKeys, "epsilon"> = {
  hiddenSize: ["hidden_size"],
  layers: ["num_hidden_layers"],
  heads: ["num_attention_heads"],
  intermediateSize: ["intermediate_size"],
  maxPositions: ["max_position_embeddings"],
  activation: "hidden_act",
};
