/**
 * Single safetensors files of a checkpoint: opened with a validated header, read by ranges.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { headerLength, parseHeader } from "../../nn/formats/safetensors.ts";
import type { ShardHeader } from "../../nn/formats/shards.ts";
import { requireFile } from "./files.ts";
import { attempt, attemptSync } from "./system.ts";

/** A safetensors file that is open, its header read. */
export interface Shard extends ShardHeader {
  /** The open file; who opened it closes it. */
  readonly file: Deno.FsFile;
  /** First byte of the data section. */
  readonly dataStart: number;
  /** The header's `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Fills `bytes` from a place in a file without giving up the turn: two reads in flight on one file
 * would move each other's position.
 *
 * @throws {FileError} If the file ends before that, or cannot be read
 */
export function readRange(
  file: Deno.FsFile,
  start: number,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Uint8Array<ArrayBuffer> {
  const refusal = "Cannot read file as it requires a readable file";
  attemptSync(refusal, path, () => file.seekSync(start, Deno.SeekMode.Start));
  for (let filled = 0; filled < bytes.length;) {
    const count = attemptSync(refusal, path, () => file.readSync(bytes.subarray(filled)));
    if (count === null || count === 0) {
      throw new FileError(
        `Cannot read file as it requires ${start + bytes.length} bytes: found ${start + filled}`,
        path,
      );
    }
    filled += count;
  }
  return bytes;
}

/**
 * Opens a file and validates its header.
 *
 * @throws {FileError} If it is missing or malformed
 */
export async function openShard(path: string): Promise<Shard> {
  await requireFile(path, Infinity, "open checkpoint");
  const refusal = "Cannot open checkpoint as it requires a readable file";
  const file = await attempt(refusal, path, () => Deno.open(path, { read: true }));
  try {
    const { size } = await attempt(refusal, path, () => file.stat());
    const start = readRange(file, 0, new Uint8Array(Math.min(size, 8)), path);
    const length = headerLength(start, size, path);
    const dataStart = 8 + length;
    const header = readRange(file, 8, new Uint8Array(length), path);
    return { path, file, dataStart, ...parseHeader(header, size - dataStart, path) };
  } catch (error) {
    file.close();
    throw error;
  }
}
