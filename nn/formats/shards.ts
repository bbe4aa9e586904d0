/**
 * Which of several safetensors files holds a tensor.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { TensorEntry } from "./safetensors.ts";

/** Names of a checkpoint's main file: the whole of it, or the index of several. */
export const [wholeCheckpoint, checkpointIndex] = [
  "model.safetensors",
  "model.safetensors.index.json",
] as const;

/** A safetensors file whose header is read. */
export interface ShardHeader {
  /** Path of the file, for messages. */
  readonly path: string;
  /** Where each tensor lies, in the order of the bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** A tensor and the file that it lies in. */
export interface ShardTensor<S extends ShardHeader> {
  /** The file. */
  readonly shard: S;
  /** Where it lies there. */
  readonly entry: TensorEntry;
}

/**
 * The tensors of all files of a checkpoint.
 *
 * @param index Path of the file that is to hold a tensor, by the tensor's name; empty without an index
 * @throws {FileError} If a tensor occurs twice, or not where the index says
 */
export function locateTensors<S extends ShardHeader>(
  shards: readonly S[],
  index: ReadonlyMap<string, string>,
): Map<string, ShardTensor<S>> {
  const tensors = new Map<string, ShardTensor<S>>();
  for (const shard of shards) {
    for (const [name, entry] of shard.tensors) {
      const other = tensors.get(name);
      if (other !== undefined) {
        throw new FileError(
          `Cannot open checkpoint as tensor ${name} requires one place: found it in ` +
            `${other.shard.path} too`,
          shard.path,
        );
      }
      tensors.set(name, { shard, entry });
    }
  }
  for (const [name, path] of index) {
    if (tensors.get(name)?.shard.path === path) continue;
    throw new FileError(
      `Cannot open checkpoint as the index requires tensor ${name} here: found none`,
      path,
    );
  }
  return tensors;
}
