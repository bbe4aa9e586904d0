/**
 * Reading a tokenizer from the directory of a model.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { buildByteLevel, buildWordPiece } from "../../nn/tokenizer/legacy.ts";
import { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { exists, readJson, readText } from "../files/files.ts";

/** Returns the first path that exists. */
async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (await exists(path)) return path;
  }
  return undefined;
}

async function readConfig(path: string): Promise<JsonObject> {
  if (!await exists(path)) return {};
  const config = await readJson(path);
  if (isRecord(config)) return config;
  throw new FileError("Cannot load tokenizer as it requires a JSON object", path);
}

/**
 * Loads the tokenizer of a model.
 *
 * Looks for `tokenizer.json`, else `vocab.txt` (BERT), else `vocab.json` or `encoder.json` with
 * `merges.txt` or `vocab.bpe` (GPT-2, RoBERTa); `tokenizer_config.json` is read where it exists.
 *
 * @param directory Directory of the model
 * @returns The tokenizer
 * @throws {FileError} If the files are missing, malformed or ask for something unsupported
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const config = await readConfig(`${directory}/tokenizer_config.json`);
  const json = `${directory}/tokenizer.json`;
  if (await exists(json)) return new Tokenizer(await readJson(json), config, json);
  const pieces = `${directory}/vocab.txt`;
  if (await exists(pieces)) {
    return new Tokenizer(buildWordPiece(await readText(pieces), config, pieces), config, pieces);
  }
  const vocabulary = await firstOf([`${directory}/vocab.json`, `${directory}/encoder.json`]);
  const merges = await firstOf([`${directory}/merges.txt`, `${directory}/vocab.bpe`]);
  if (vocabulary === undefined || merges === undefined) {
    throw new FileError(
      "Cannot load tokenizer as it requires tokenizer.json, vocab.txt, or vocab.json with " +
        "merges.txt: found none of these",
      directory,
    );
  }
  const built = buildByteLevel(
    await readJson(vocabulary),
    await readText(merges),
    vocabulary,
    merges,
  );
  return new Tokenizer(built, config, vocabulary);
}
