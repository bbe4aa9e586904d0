/**
 * Where texts of Mistral's models are split: folders that older versions of transformers made have
 * another pattern than the models were trained with.
 *
 * Source: `fix_mistral_regex` of Hugging Face transformers 5.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../formats/json_record.ts";
import { refuse } from "./added_token.ts";
import { stepsOf } from "./parts.ts";
import type { FolderFile } from "./settings.ts";

/** The pattern that Mistral's large vocabularies were made with. */
export const mistralPattern: string =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|" +
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}|" +
  " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const split = {
  type: "Split",
  pattern: { Regex: mistralPattern },
  behavior: "Isolated",
  invert: false,
};

/** Tokens up to which a vocabulary is one of the older kind, which has no pattern. */
const smallVocabulary = 100_000;

/** Families that have such folders, beside those that are not read here. */
const families: ReadonlySet<unknown> = new Set([
  "mistral",
  "mistral3",
  "voxtral",
  "ministral",
  "pixtral",
]);

const key = "fix_mistral_regex";

/** The files that decide. */
export interface MistralFiles {
  /** `tokenizer_config.json`. */
  readonly tokenizer: FolderFile;
  /** `config.json` of the model. */
  readonly model: FolderFile;
}

/**
 * A `tokenizer.json` with Mistral's pattern, where `fix_mistral_regex` asks for it in a folder of before
 * transformers 5; else as it is.
 *
 * @throws {FileError} If a folder of Mistral has another pattern and does not say which counts: the
 * reference warns and takes the wrong one
 */
export function splitAsMistral(json: JsonObject, { tokenizer, model }: MistralFiles): JsonObject {
  const step = json["pre_tokenizer"] ?? null;
  if (model.value === undefined || step === null) return json;
  const place = { path: tokenizer.path, key };
  const flag = tokenizer.value?.[key] ?? undefined;
  if (flag !== undefined && typeof flag !== "boolean") refuse(place, "true or false", flag);
  const { model_type: family, transformers_version: version } = model.value;
  if (!isBefore5(version, family) || vocabularySize(json) <= smallVocabulary) return json;
  if (flag === true) return { ...json, pre_tokenizer: withSplit(step) };
  if (flag === false || !families.has(family) || splitsSo(stepsOf(step)[0])) return json;
  return refuse(
    place,
    "true, or false for the pattern of tokenizer.json, with which Mistral's models were not trained",
    flag,
  );
}

/** Whether a configuration is of before version 5: of any family where it does not say its version. */
function isBefore5(version: unknown, family: unknown): boolean {
  if (typeof version !== "string" || version === "") return true;
  const [, major = "", rest = ""] = /^(\d+)(.*)$/.exec(version) ?? [];
  const isOld = Number(major) < 5 || major === "5" && /^(\.0)*\.?(dev|a|b|rc)/.test(rest);
  return isOld && (family === undefined || family === null || families.has(family));
}

/** Tokens of the model and added ones. */
function vocabularySize({ model, added_tokens: added }: JsonObject): number {
  const vocab = isRecord(model) ? model["vocab"] : undefined;
  if (!isRecord(vocab)) return Array.isArray(vocab) ? vocab.length : 0;
  const contents = (Array.isArray(added) ? added : []).map((token) =>
    isRecord(token) ? String(token["content"]) : ""
  );
  const beside = contents.filter((content) => !Object.hasOwn(vocab, content));
  return Object.keys(vocab).length + beside.length;
}

function splitsSo(step: unknown): boolean {
  return isRecord(step) && isRecord(step["pattern"]) && step["pattern"]["Regex"] === mistralPattern;
}

/** The pattern in the place of a sequence's first step, or before a step of bytes. */
function withSplit(step: unknown): JsonObject {
  const steps = isRecord(step) && step["type"] === "Sequence" ? step["pretokenizers"] : undefined;
  if (Array.isArray(steps)) {
    return { ...step as JsonObject, pretokenizers: [split, ...steps.slice(1)] };
  }
  const isMetaspace = isRecord(step) && step["type"] === "Metaspace";
  const bytes = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: false,
  };
  return { type: "Sequence", pretokenizers: [split, isMetaspace ? bytes : step] };
}
