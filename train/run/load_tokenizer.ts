/**
 * Reading a tokenizer from the directory of a model.
 *
 * @module
 */

import { describingFiles, tokenizerFiles } from "../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { exists, readJson, readText } from "../files/files.ts";

/**
 * Loads the tokenizer of a model from the files that {@linkcode openTokenizer} takes.
 *
 * @param directory Directory of the model
 * @throws {FileError} If the files are missing, malformed or ask for something unsupported
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const files: Record<string, unknown> = {};
  // Older files are not even read where tokenizer.json is there.
  const modern = await exists(`${directory}/tokenizer.json`);
  for (const name of modern ? describingFiles : tokenizerFiles) {
    const path = `${directory}/${name}`;
    if (!await exists(path)) continue;
    files[name] = name.endsWith(".json") ? await readJson(path) : await readText(path);
  }
  return await openTokenizer(files, directory);
}
