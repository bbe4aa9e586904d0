/**
 * Reading a tokenizer from the directory of a model.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { describingFiles, tokenizerFiles } from "../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { exists, readBytes, readJson, readText } from "../files/files.ts";
import { findGguf, modelFolder } from "../files/gguf_file.ts";

/** How a file is read: see {@linkcode TokenizerFiles}. */
function readerOf(name: string): (path: string) => Promise<unknown> {
  if (name.endsWith(".json")) return readJson;
  return name.endsWith(".model") ? readBytes : readText;
}

/**
 * Loads the tokenizer of a model from the files that {@linkcode openTokenizer} takes.
 *
 * @param model Directory of the model, or its GGUF file, beside which they lie
 * @throws {FileError} If the files are missing, malformed or ask for something unsupported
 */
export async function loadTokenizer(model: string): Promise<Tokenizer> {
  const directory = await modelFolder(model);
  const files: Record<string, unknown> = {};
  // Older files are not even read where tokenizer.json is there.
  const modern = await exists(`${directory}/tokenizer.json`);
  for (const name of modern ? describingFiles : tokenizerFiles) {
    const path = `${directory}/${name}`;
    if (!await exists(path)) continue;
    files[name] = await readerOf(name)(path);
  }
  if (Object.keys(files).length === 0 && await findGguf(model) !== undefined) {
    throw new FileError(
      "Cannot open tokenizer as a GGUF file requires tokenizer.json beside it: found none",
      directory,
    );
  }
  return await openTokenizer(files, directory);
}
