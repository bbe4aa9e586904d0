/**
 * A model's folder as files that are read by slices, wherever they lie: chosen on this machine, in the
 * page's own storage, or shipped with the page.
 *
 * @module
 */

import { FileError } from "../../../../core/errors.ts";
import { headerLength, parseHeader, type TensorEntry } from "../../../../nn/formats/safetensors.ts";
import { decodeFloats, requireFloats } from "../../../../nn/formats/safetensors_values.ts";
import type { WeightSource } from "../../../../nn/models/weight_source.ts";
import { tokenizerFiles } from "../../../../nn/tokenizer/file_names.ts";
import { openTokenizer } from "../../../../nn/tokenizer/open.ts";
import type { Tokenizer } from "../../../../nn/tokenizer/tokenizer.ts";
import { parseJson, textOf } from "../../../files/files.ts";
import { weightMapOf } from "../../../files/weight_map.ts";

/** The files of a model by their names; a large one never lies in memory whole. */
export interface ModelFiles {
  /** What messages call the folder. */
  readonly name: string;
  /** Files by name. */
  readonly files: ReadonlyMap<string, Blob>;
}

/** Bytes of a tensor that are read at once; a multiple of every element's size. */
const partBytes = 2 ** 22;

async function bytesOf(file: Blob, begin: number, end: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(begin, end).arrayBuffer());
}

/** A file's text or JSON; undefined where there is none. */
async function contentOf({ name, files }: ModelFiles, file: string): Promise<unknown> {
  const found = files.get(file);
  if (found === undefined) return undefined;
  const path = `${name}/${file}`;
  const text = textOf(new Uint8Array(await found.arrayBuffer()), path);
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

/** Where a tensor lies. */
interface Place {
  readonly entry: TensorEntry;
  readonly file: Blob;
  readonly path: string;
  /** First byte of the tensor in the file. */
  readonly start: number;
}

/** Tensors of one safetensors file, of which the header alone is read. */
async function placesIn({ name, files }: ModelFiles, shard: string): Promise<Place[]> {
  const path = `${name}/${shard}`;
  const file = files.get(shard);
  if (file === undefined) {
    throw new FileError("Cannot find the file, which the model requires", path);
  }
  const length = headerLength(await bytesOf(file, 0, 8), file.size, path);
  const data = 8 + length;
  const { tensors } = parseHeader(await bytesOf(file, 8, data), file.size - data, path);
  return [...tensors.values()].map((entry) => ({ entry, file, path, start: data + entry.begin }));
}

/** Names of the files that hold the weights. */
async function shardsOf(model: ModelFiles): Promise<string[]> {
  const [whole, index] = ["model.safetensors", "model.safetensors.index.json"];
  if (model.files.has(whole)) return [whole];
  const content = await contentOf(model, index);
  if (content !== undefined) {
    return [...new Set(weightMapOf(content, `${model.name}/${index}`).values())];
  }
  throw new FileError(
    `Cannot open model as it requires ${whole} or ${index}: found neither`,
    model.name,
  );
}

/**
 * The weights of a folder, each tensor read when it is asked for and part by part.
 *
 * @throws {FileError} If a file is missing or malformed
 */
export async function readWeights(model: ModelFiles): Promise<WeightSource> {
  const shards = await Promise.all((await shardsOf(model)).map((one) => placesIn(model, one)));
  const places = new Map(shards.flat().map((place) => [place.entry.name, place]));
  async function* parts(name: string, float: "f32" | "f64") {
    const { entry, file, path, start } = places.get(name)!;
    requireFloats(entry, path);
    const end = start + entry.end - entry.begin;
    for (let at = start; at < end; at += partBytes) {
      const bytes = await bytesOf(file, at, Math.min(end, at + partBytes));
      yield decodeFloats(bytes, entry.dtype, float);
    }
  }
  return {
    path: model.name,
    file: (name) => places.get(name)?.path ?? model.name,
    names: () => places.keys(),
    shape: (name) => places.get(name)!.entry.shape,
    parts,
    async read(name, float) {
      const { entry, file, path, start } = places.get(name)!;
      requireFloats(entry, path);
      const bytes = await bytesOf(file, start, start + entry.end - entry.begin);
      return decodeFloats(bytes, entry.dtype, float);
    },
  };
}
