/**
 * Opening a tokenizer, once one is asked for.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";
import { classOf, type TokenizerClass } from "./folder/class_name.ts";
import { splitAsMistral } from "./folder/mistral.ts";
import type { ResolvedTokenizer } from "./folder/resolve.ts";
import { type FolderFile, readSettings, type Settings } from "./folder/settings.ts";
import type { TokenizerFile, TokenizerFiles } from "./file_names.ts";
import { Tokenizer } from "./tokenizer.ts";

/** What `openTokenizer` gives. */
export async function openFiles(files: TokenizerFiles, folder: string): Promise<Tokenizer> {
  const pathOf = (name: string) => folder === "" ? name : `${folder}/${name}`;
  const fileOf = (name: TokenizerFile): FolderFile => recordOf(files[name], pathOf(name));
  const [config, model] = [fileOf("tokenizer_config.json"), fileOf("config.json")];
  const map = fileOf("special_tokens_map.json");
  const name = classOf({
    tokenizer: config.value ?? {},
    tokenizerPath: config.path,
    model: model.value ?? {},
    modelPath: model.path,
  });
  const settings = readSettings({
    config: withTemplate(config, files),
    map,
    added: fileOf("added_tokens.json"),
  });
  const json = files["tokenizer.json"];
  const path = pathOf("tokenizer.json");
  if (json === undefined) {
    const { resolved, path } = await openLegacy({ files, pathOf, name: folder }, name, settings);
    const json = splitAsMistral(resolved.json, { tokenizer: config, model });
    return new Tokenizer(json, resolved.config, path);
  }
  if (!isRecord(json)) return new Tokenizer(json, {}, path);
  const { resolveTokenizer } = await import("./folder/resolve.ts");
  const resolved = resolveTokenizer({ name: name ?? "whole", json, path }, settings);
  // Without files that name tokens, those count that have a role by convention.
  const silent = [config, model, map].every(({ value }) => value === undefined);
  return new Tokenizer(
    splitAsMistral(resolved.json, { tokenizer: config, model }),
    silent ? withoutNullTokens(resolved.config) : resolved.config,
    path,
  );
}

/** A configuration with the chat template, which counts before its own where it is a file. */
function withTemplate(config: FolderFile, files: TokenizerFiles): FolderFile {
  const template = files["chat_template.jinja"];
  return template === undefined
    ? config
    : { ...config, value: { ...config.value, chat_template: template } };
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
  readonly name: string;
}

/** Opens a vocabulary of the files before `tokenizer.json`. */
async function openLegacy(
  folder: Folder,
  name: TokenizerClass | undefined,
  settings: Settings,
): Promise<{ resolved: ResolvedTokenizer; path: string }> {
  const { files, pathOf } = folder;
  if (name === "DebertaV2Tokenizer") return await openSentencePieces(folder, name, settings);
  const { isRoberta, readBytePairs, readWordPieces, resolveLegacy } = await import("./legacy.ts");
  const firstOf = (...names: TokenizerFile[]) => names.find((name) => files[name] !== undefined);
  const pieces = firstOf("vocab.txt");
  const ofPieces = name ?? "BertTokenizer";
  if (pieces !== undefined && (ofPieces === "BertTokenizer" || ofPieces === "MPNetTokenizer")) {
    const path = pathOf(pieces);
    const read = readWordPieces(String(files[pieces]), path);
    return { resolved: resolveLegacy(ofPieces, read, settings, path), path };
  }
  const vocabulary = firstOf("vocab.json", "encoder.json");
  const merges = firstOf("merges.txt", "vocab.bpe");
  if (vocabulary === undefined || merges === undefined || !readsBytePairs(name)) {
    throw new FileError(missingMessage(name), folder.name);
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

/** Opens a model of SentencePiece, whose own tokens count where the files list none. */
async function openSentencePieces(
  { files, pathOf, name: folder }: Folder,
  name: "DebertaV2Tokenizer",
  settings: Settings,
): Promise<{ resolved: ResolvedTokenizer; path: string }> {
  const model = files["spm.model"];
  const path = pathOf("spm.model");
  if (model === undefined) throw new FileError(missingMessage(name), folder);
  if (!(model instanceof Uint8Array)) {
    throw new FileError("Cannot load tokenizer as the bytes of the file are required", path);
  }
  const { readSentencePieces } = await import("./sentencepiece.ts");
  const { resolveTokenizer } = await import("./folder/resolve.ts");
  const { extra, ...pieces } = readSentencePieces(Uint8Array.from(model), path);
  const own = settings.listsExtra ? settings : { ...settings, extra };
  return { resolved: resolveTokenizer({ name, pieces, path }, own), path };
}

/** Whether a class, or none that is named, reads vocabulary and merges. */
function readsBytePairs(
  name: TokenizerClass | undefined,
): name is "GPT2Tokenizer" | "Qwen2Tokenizer" | "RobertaTokenizer" | undefined {
  return name === undefined || name === "GPT2Tokenizer" || name === "Qwen2Tokenizer" ||
    name === "RobertaTokenizer";
}

/** Says what a class of tokenizer is read from. */
function missingMessage(name: TokenizerClass | undefined): string {
  const pairs = "vocab.json with merges.txt";
  const ways = {
    BertTokenizer: "tokenizer.json or vocab.txt",
    MPNetTokenizer: "tokenizer.json or vocab.txt",
    GPT2Tokenizer: `tokenizer.json or ${pairs}`,
    Qwen2Tokenizer: `tokenizer.json or ${pairs}`,
    RobertaTokenizer: `tokenizer.json or ${pairs}`,
    LlamaTokenizer: "tokenizer.json (tokenizer.model alone does not do)",
    GemmaTokenizer: "tokenizer.json (tokenizer.model alone does not do)",
    DebertaV2Tokenizer: "tokenizer.json or spm.model",
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
