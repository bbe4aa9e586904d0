/**
 * The keys of `tokenizer.json` and of `tokenizer_config.json`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";

/** What stands at the top of `tokenizer.json`; truncation and padding do not count. */
export interface TokenizerParts {
  /** Value of `normalizer`. */
  readonly normalizer: unknown;
  /** Value of `pre_tokenizer`. */
  readonly preTokenizer: unknown;
  /** Value of `post_processor`. */
  readonly postProcessor: unknown;
  /** Value of `decoder`. */
  readonly decoder: unknown;
  /** Value of `added_tokens`. */
  readonly addedTokens: readonly unknown[];
  /** Value of `model`. */
  readonly model: unknown;
}

const keys = ["normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens", "model"];

/**
 * Takes the parts of a `tokenizer.json`.
 *
 * @param json Parsed `tokenizer.json`
 * @param name File name for messages
 * @returns The parts, not checked themselves
 * @throws {FileError} If a key is missing
 */
export function topLevel(json: unknown, name: string): TokenizerParts {
  const fail = (key: string): never => {
    throw new FileError(`Cannot load tokenizer as it requires the key ${key}: found none`, name);
  };
  if (!isRecord(json)) {
    throw new FileError("Cannot load tokenizer as it requires a JSON object", name);
  }
  for (const key of keys) {
    if (!(key in json)) fail(key);
  }
  const addedTokens = json["added_tokens"];
  if (!Array.isArray(addedTokens)) fail("added_tokens");
  return {
    normalizer: json["normalizer"],
    preTokenizer: json["pre_tokenizer"],
    postProcessor: json["post_processor"],
    decoder: json["decoder"],
    addedTokens: Array.isArray(addedTokens) ? addedTokens : [],
    model: json["model"],
  };
}

/**
 * Reads a token from `tokenizer_config.json`, where it is a text or an object.
 *
 * @param config Parsed `tokenizer_config.json`
 * @param key Key such as `eos_token`
 * @returns Text of the token; undefined when it is absent or null
 */
export function configuredToken(config: JsonObject, key: string): string | undefined {
  const value = config[key];
  const content = isRecord(value) ? value["content"] : value;
  return typeof content === "string" ? content : undefined;
}
