/**
 * The keys of `tokenizer.json` and of `tokenizer_config.json`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
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
 * @throws {FileError} If a key is missing, or the added tokens are no list
 */
export function topLevel(json: unknown, name: string): TokenizerParts {
  const fail = (required: string, found: string): never => {
    throw new FileError(`Cannot load tokenizer as ${required}: found ${found}`, name);
  };
  if (!isRecord(json)) return fail("it requires a JSON object", excerpt(json));
  for (const key of keys) {
    if (!(key in json)) fail(`it requires the key ${key}`, "none");
  }
  const addedTokens = json["added_tokens"];
  if (!Array.isArray(addedTokens)) {
    return fail("added_tokens requires a list", excerpt(addedTokens));
  }
  return {
    normalizer: json["normalizer"],
    preTokenizer: json["pre_tokenizer"],
    postProcessor: json["post_processor"],
    decoder: json["decoder"],
    addedTokens,
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

/** The template of `chat_template`, which is a text, or a list of which the one named `default` counts. */
export function defaultTemplate(value: unknown): string | undefined {
  if (!Array.isArray(value)) return typeof value === "string" ? value : undefined;
  const records = value.filter(isRecord);
  const template = records.find(({ name }) => name === "default")?.["template"];
  return typeof template === "string" ? template : undefined;
}
