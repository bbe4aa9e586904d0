/**
 * Which tokens separate, end and pad sequences: by the model's configuration, else by its tokenizer.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";

/** Ids of the tokens around a reference. */
export interface SpecialTokens {
  /** Separates context and reference: the end token where there is no other, as in GPT-2. */
  readonly bosId: number;
  /** Ends the reference, and the generation. */
  readonly eosId: number;
  /** Fills sequences up on the right. */
  readonly padId: number;
}

/**
 * The separator, end and padding tokens of a model.
 *
 * @throws {OptionError} If neither configuration nor tokenizer names an end token
 */
export function specialTokens(config: ModelConfig, tokenizer: Tokenizer): SpecialTokens {
  const eosId = config.eosIds[0] ?? tokenizer.eosId;
  if (eosId === undefined) {
    throw new OptionError("Cannot frame references as an eos token is required: found none");
  }
  const bosId = config.bosId ?? tokenizer.bosId ?? eosId;
  return { bosId, eosId, padId: config.padId ?? tokenizer.padId ?? eosId };
}

/** The padding token of a classifier; where there is none any will do, as padding is masked. */
export function paddingOf(tokenizer: Tokenizer): number {
  return tokenizer.padId ?? tokenizer.eosId ?? 0;
}
