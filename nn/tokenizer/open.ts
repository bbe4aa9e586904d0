/**
 * A tokenizer from the files of a model's folder. The tokenizers are loaded when the first one is
 * opened, so that a page that has token numbers already stays small.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";
import type { TokenizerClass } from "./folder/class_name.ts";
import type { ResolvedTokenizer } from "./folder/resolve.ts";
import type { FolderFile, Settings } from "./folder/settings.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Files that say all where `tokenizer.json` is among them, by their usual names. */
export const describingFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "config.json",
] as const;

/** Files that describe a tokenizer, by their usual names. */
export const tokenizerFiles = [
  ...describingFiles,
  "vocab.txt",
  "vocab.json",
  "encoder.json",
  "merges.txt",
  "vocab.bpe",
] as const;
/** Name of a file that describes a tokenizer. */
export type TokenizerFile = typeof tokenizerFiles[number];

/** Content of a folder's files: parsed JSON of `.json`, the text of the others. */
export type TokenizerFiles = Readonly<Partial<Record<TokenizerFile, unknown>>>;

/**
 * Opens the tokenizer of a model as `AutoTokenizer` of Hugging Face transformers 5 does.
 *
 * The vocabulary is that of `tokenizer.json`, else of `vocab.txt` (BERT), else of `vocab.json` or
 * `encoder.json` with `merges.txt` or `vocab.bpe` (GPT-2, RoBERTa). The class is the
 * `tokenizer_class` of `tokenizer_config.json`, else of `config.json`, else that of the `model_type`
 * there. `PreTrainedTokenizerFast` and unknown classes take `tokenizer.json` as it is; the classes
 * of BERT, RoBERTa, GPT-2, LLaMA and XLM-RoBERTa take its vocabulary, and `tokenizer_config.json` for
 * the rest. Added and special tokens come from all of these files.
 *
 * @param folder Where the files come from, for messages
 * @throws {FileError} If files are missing, malformed, contradict each other or ask for something
 * unsupported
 */
export async function openTokenizer(files: TokenizerFiles, folder = ""): Promise<Tokenizer> {
  const pathOf = (name: string) => folder === "" ? name : `${folder}/${name}`;
  const { classOf } = await import("./folder/class_name.ts");
  const { readSettings } = await import("./folder/settings.ts");
  const { Tokenizer } = await import("./tokenizer.ts");
  const fileOf = (name: TokenizerFile): FolderFile => recordOf(files[name], pathOf(name));
  const [config, model] = [fileOf("tokenizer_config.json"), fileOf("config.json")];
  const map = fileOf("special_tokens_map.json");
  const name = classOf({
    tokenizer: config.value ?? {},
    tokenizerPath: config.path,
    model: model.value ?? {},
    modelPath: model.path,
  });
  const settings = readSettings({ config, map, added: fileOf("added_tokens.json") });
  const json = files["tokenizer.json"];
  const path = pathOf("tokenizer.json");
  if (json === undefined) {
    const { resolved, path } = await openLegacy({ files, pathOf, folder }, name, settings);
    return new Tokenizer(resolved.json, resolved.config, path);
  }
  if (!isRecord(json)) return new Tokenizer(json, {}, path);
  const { resolveTokenizer } = await import("./folder/resolve.ts");
  const resolved = resolveTokenizer({ name: name ?? "whole", json, path }, settings);
  // Without files that name tokens, those count that have a role by convention.
  const silent = [config, model, map].every(({ value }) => value === undefined);
  return new Tokenizer(
    resolved.json,
    silent ? withoutNullTokens(resolved.config) : resolved.config,
    path,
  );
}

function withoutNullTokens(config: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => !key.endsWith("_token") || value !== null),
  );
}

/** The files of a folder. */
interface Folder {
  readonly files: TokenizerFiles;
  readonly pathOf: (name: string) => string;
  readonly folder: string;
}

/** Opens a vocabulary of the files before `tokenizer.json`. */
async function openLegacy(
  { files, pathOf, folder }: Folder,
  name: TokenizerClass | undefined,
  settings: Settings,
): Promise<{ resolved: ResolvedTokenizer; path: string }> {
  const { isRoberta, readBytePairs, readWordPieces, resolveLegacy } = await import("./legacy.ts");
  const firstOf = (...names: TokenizerFile[]) => names.find((name) => files[name] !== undefined);
  const pieces = firstOf("vocab.txt");
  if (pieces !== undefined && (name ?? "BertTokenizer") === "BertTokenizer") {
    const path = pathOf(pieces);
    const read = readWordPieces(String(files[pieces]), path);
    return { resolved: resolveLegacy("BertTokenizer", read, settings, path), path };
  }
  const vocabulary = firstOf("vocab.json", "encoder.json");
  const merges = firstOf("merges.txt", "vocab.bpe");
  const bytePair = name === undefined || name === "GPT2Tokenizer" || name === "RobertaTokenizer";
  if (vocabulary === undefined || merges === undefined || !bytePair) {
    throw new FileError(missingMessage(name), folder);
  }
  const path = pathOf(vocabulary);
  const read = readBytePairs({
    vocabulary: files[vocabulary],
    vocabularyName: path,
    merges: String(files[merges]),
    mergesName: pathOf(merges),
  });
  const kind = name ?? (isRoberta(read) ? "RobertaTokenizer" : "GPT2Tokenizer");
  return { resolved: resolveLegacy(kind, read, settings, path), path };
}

/** Says what a class of tokenizer is read from. */
function missingMessage(name: TokenizerClass | undefined): string {
  const pairs = "vocab.json with merges.txt";
  const ways = {
    BertTokenizer: "tokenizer.json or vocab.txt",
    GPT2Tokenizer: `tokenizer.json or ${pairs}`,
    RobertaTokenizer: `tokenizer.json or ${pairs}`,
    LlamaTokenizer: "tokenizer.json (tokenizer.model alone does not do)",
    XLMRobertaTokenizer: "tokenizer.json (sentencepiece.bpe.model alone does not do)",
    whole: "tokenizer.json",
  };
  const usual = `tokenizer.json, vocab.txt, or ${pairs}`;
  return `Cannot load tokenizer as it requires ${
    name === undefined ? usual : ways[name]
  }: found none of these`;
}

function recordOf(value: unknown, path: string): FolderFile {
  if (value === undefined || isRecord(value)) return { value, path };
  throw new FileError(
    `Cannot load tokenizer as it requires a JSON object: found ${excerpt(value)}`,
    path,
  );
}
