/**
 * A model's folder as files that are read by slices, wherever they lie: chosen on this machine, in the
 * page's own storage, or shipped with the page.
 *
 * @module
 */

import { FileError } from "../../../../core/errors.ts";
import { tokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../../../nn/tokenizer/tokenizer.ts";
import { parseJson, textOf } from "../../../../nn/formats/json_text.ts";

/** The files of a model by their names; a large one never lies in memory whole. */
export interface ModelFiles {
  /** What messages call the folder. */
  readonly name: string;
  /** Files by name. */
  readonly files: ReadonlyMap<string, Blob>;
}

/** A file's text, JSON or, of a model of SentencePiece, bytes; undefined where there is none. */
async function contentOf({ name, files }: ModelFiles, file: string): Promise<unknown> {
  const found = files.get(file);
  if (found === undefined) return undefined;
  const path = `${name}/${file}`;
  const bytes = new Uint8Array(await found.arrayBuffer());
  if (file.endsWith(".model")) return bytes;
  const text = textOf(bytes, path);
  return file.endsWith(".json") ? parseJson(text, path) : text;
}

/**
 * Reads config.json.
 *
 * @throws {FileError} If it is missing or malformed
 */
export async function readModelConfig(model: ModelFiles): Promise<unknown> {
  const content = await contentOf(model, "config.json");
  if (content !== undefined) return content;
  const found = [...model.files.keys()].slice(0, 5).join(", ") || "no file";
  throw new FileError(
    `Cannot open model as config.json, safetensors and tokenizer files are required: found ${found}`,
    model.name,
  );
}

/**
 * Opens the folder's own tokenizer.
 *
 * @throws {FileError} If its files are missing, malformed or ask for something unsupported
 */
export async function readTokenizer(model: ModelFiles): Promise<Tokenizer> {
  const found = await Promise.all(
    tokenizerFiles.map(async (file) => [file, await contentOf(model, file)] as const),
  );
  const contents = Object.fromEntries(found.filter(([, content]) => content !== undefined));
  return await openTokenizer(contents, model.name);
}
