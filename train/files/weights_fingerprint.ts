/**
 * Fingerprints of a model's files: cheap enough for every run, and other for other weights.
 *
 * @module
 */

import { basename } from "node:path";
import { shortHash } from "./canonical_json.ts";
import { namesIn } from "./folder.ts";
import { modelFolder } from "./gguf_file.ts";
import { readRange } from "./shard.ts";
import { attempt } from "./system.ts";

/** Places of a file that are read, evenly apart, and bytes of each. */
const [places, length] = [64, 4096];

/**
 * Fingerprint of the weights and configurations of a model: 12 hexadecimal digits of the SHA-256 of the
 * names and sizes of its .safetensors, .gguf and .json files and of 64 blocks of 4 KiB of each. Training
 * changes numbers everywhere, so that other weights differ there; a change of a few numbers between the
 * blocks is not seen.
 *
 * @param model Its folder, or its GGUF file, of whose folder no other weights count
 * @throws {FileError} If a file cannot be read
 */
export async function weightsFingerprint(model: string): Promise<string> {
  const directory = await modelFolder(model);
  const isWhole = directory === model;
  const weights = isWhole ? /\.(safetensors|gguf|json)$/ : /\.json$/;
  const names = (await namesIn(directory)).filter((name) =>
    weights.test(name) || (!isWhole && name === basename(model))
  );
  const parts: string[] = [];
  for (const name of names) parts.push(name, ...await sampled(`${directory}/${name}`));
  return await shortHash(parts.join("\n"));
}

/** Size of a file, and what stands in its blocks. */
async function sampled(path: string): Promise<string[]> {
  const refusal = "Cannot read file as it requires a readable file";
  using file = await attempt(refusal, path, () => Deno.open(path, { read: true }));
  const { size } = await attempt(refusal, path, () => file.stat());
  const bytes = new Uint8Array(Math.min(size, length));
  const last = size - bytes.length;
  const starts = new Set(
    Array.from({ length: places }, (_, i) => Math.round(i * last / (places - 1))),
  );
  return [`${size}`, ...[...starts].map((start) => readRange(file, start, bytes, path).toHex())];
}
