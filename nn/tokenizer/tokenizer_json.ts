/**
 * Checking and adapting `tokenizer.json` before the library gets it.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";

/** Replaces steps in which the library differs from the reference by ones in which it does not. */
function adaptPreTokenizer(step: unknown, name: string): unknown {
  if (!isRecord(step)) return step;
  const { type, behavior } = step;
  if (type === "Sequence" && Array.isArray(step["pretokenizers"])) {
    const steps = step["pretokenizers"].map((inner) => adaptPreTokenizer(inner, name));
    return { ...step, pretokenizers: steps };
  }
  if (type === "Digits") {
    // The library means 0 to 9; the reference means all numeric characters, such as ½.
    const Regex = step["individual_digits"] === true ? "\\p{N}" : "\\p{N}+";
    return { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
  }
  if (type === "Split" && behavior !== "Removed" && behavior !== "Isolated") {
    throw new FileError(
      `Cannot load tokenizer as pre_tokenizer requires the behavior Removed or Isolated: ` +
        `found ${JSON.stringify(behavior)}`,
      name,
    );
  }
  return step;
}

/** Names the kind of model, which older files leave out. */
function modelType(model: JsonObject): string {
  if (typeof model["type"] === "string") return model["type"];
  if (Array.isArray(model["vocab"])) return "Unigram";
  return "merges" in model ? "BPE" : "WordPiece";
}

/**
 * Checks a `tokenizer.json` and returns it as the library needs it.
 *
 * Truncation, padding and the post-processor are taken out, as the tokenizer of this project has its own.
 *
 * @param json Parsed `tokenizer.json`
 * @param name File name for messages
 * @returns A shallow copy
 * @throws {FileError} If a key is missing or asks for something unsupported
 */
export function adaptTokenizerJson(json: unknown, name: string): JsonObject {
  const fail = (key: string): never => {
    throw new FileError(`Cannot load tokenizer as it requires the key ${key}: found none`, name);
  };
  if (!isRecord(json)) {
    throw new FileError("Cannot load tokenizer as it requires a JSON object", name);
  }
  const keys = [
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
    "added_tokens",
    "model",
  ];
  for (const key of keys) {
    if (!(key in json)) fail(key);
  }
  const model = json["model"];
  if (!isRecord(model)) return fail("model");
  const type = modelType(model);
  if (typeof model["vocab"] !== "object" || model["vocab"] === null) fail("model.vocab");
  if (type === "BPE" && !Array.isArray(model["merges"])) fail("model.merges");
  if (!Array.isArray(json["added_tokens"])) fail("added_tokens");
  return {
    ...json,
    model: { ...model, type },
    pre_tokenizer: adaptPreTokenizer(json["pre_tokenizer"], name),
    post_processor: null,
    truncation: null,
    padding: null,
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
