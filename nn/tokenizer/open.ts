/**
 * A tokenizer from the files of a model's folder. The tokenizers are loaded when the first one is
 * opened, so that a page that has token numbers already stays small.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Files that describe a tokenizer, by their usual names. */
export const tokenizerFiles = [
  "tokenizer.json",
  "tokenizer_config.json",
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
 * Opens the tokenizer of a model: `tokenizer.json`, else `vocab.txt` (BERT), else `vocab.json` or
 * `encoder.json` with `merges.txt` or `vocab.bpe` (GPT-2, RoBERTa), and `tokenizer_config.json`
 * beside any of them.
 *
 * @param folder Where the files come from, for messages
 * @throws {FileError} If files are missing, malformed or ask for something unsupported
 */
export async function openTokenizer(files: TokenizerFiles, folder = ""): Promise<Tokenizer> {
  const pathOf = (name: string) => folder === "" ? name : `${folder}/${name}`;
  const firstOf = (...names: TokenizerFile[]) => names.find((name) => files[name] !== undefined);
  const config = configOf(files["tokenizer_config.json"], pathOf("tokenizer_config.json"));
  const { Tokenizer } = await import("./tokenizer.ts");
  const json = firstOf("tokenizer.json");
  if (json !== undefined) return new Tokenizer(files[json], config, pathOf(json));
  const { buildByteLevel, buildWordPiece } = await import("./legacy.ts");
  const pieces = firstOf("vocab.txt");
  if (pieces !== undefined) {
    const path = pathOf(pieces);
    return new Tokenizer(buildWordPiece(String(files[pieces]), config, path), config, path);
  }
  const [vocabulary, merges] = [
    firstOf("vocab.json", "encoder.json"),
    firstOf("merges.txt", "vocab.bpe"),
  ];
  if (vocabulary === undefined || merges === undefined) {
    throw new FileError(
      "Cannot load tokenizer as it requires tokenizer.json, vocab.txt, or vocab.json with " +
        "merges.txt: found none of these",
      folder,
    );
  }
  const path = pathOf(vocabulary);
  const text = String(files[merges]);
  return new Tokenizer(
    buildByteLevel(files[vocabulary], text, path, pathOf(merges)),
    config,
    path,
  );
}

function configOf(value: unknown, path: string): JsonObject {
  if (value === undefined) return {};
  if (isRecord(value)) return value;
  throw new FileError("Cannot load tokenizer as it requires a JSON object", path);
}
