/**
 * Checkpoints on disk: one safetensors file, or several with an index.
 *
 * @module
 */

import { DisposedError, FileError, OptionError } from "../../core/errors.ts";
import type { TensorEntry } from "../../nn/formats/safetensors.ts";
import { decodeFloats } from "../../nn/formats/safetensors_values.ts";
import {
  checkpointIndex,
  locateTensors,
  type ShardTensor,
  wholeCheckpoint,
} from "../../nn/formats/shards.ts";
import { partBytes } from "../../nn/formats/tensor_bytes.ts";
import { weightMapOf } from "../../nn/formats/weight_map.ts";
import { exists, isFolder, readText } from "./files.ts";
import { openShard, readRange, type Shard } from "./shard.ts";

/** Weights as programs of Python, which are never run. */
const pickled = "pytorch_model.bin";

/**
 * Tensors of a checkpoint, each read from disk when asked for.
 *
 * @example
 * ```ts ignore
 * using checkpoint = await Checkpoint.open("models/roberta-base");
 * const weight = await checkpoint.readFloat("roberta.embeddings.word_embeddings.weight", "f32");
 * ```
 */
export class Checkpoint implements Disposable {
  /** The safetensors file, or the index of several. */
  readonly path: string;
  readonly #shards: readonly Shard[];
  readonly #tensors: ReadonlyMap<string, ShardTensor<Shard>>;
  #closed = false;

  private constructor(
    path: string,
    shards: readonly Shard[],
    tensors: ReadonlyMap<string, ShardTensor<Shard>>,
  ) {
    this.path = path;
    this.#shards = shards;
    this.#tensors = tensors;
  }

  /**
   * Opens a checkpoint and reads its headers only.
   *
   * @param path A safetensors file, or a directory with `model.safetensors` or
   * `model.safetensors.index.json` and its shards
   * @returns The open checkpoint, to be closed by `using` or {@link Checkpoint.close}
   * @throws {FileError} If a file is missing or malformed, or a tensor is missing or occurs twice
   */
  static async open(path: string): Promise<Checkpoint> {
    let [files, main] = [[path], path];
    let index = new Map<string, string>();
    if (await isFolder(path)) {
      files = [main = `${path}/${wholeCheckpoint}`];
      if (!await exists(main)) {
        main = `${path}/${checkpointIndex}`;
        if (!await exists(main)) {
          throw new FileError(
            `Cannot open checkpoint as it requires ${wholeCheckpoint} or ${checkpointIndex}: ` +
              (await exists(`${path}/${pickled}`) ? `found ${pickled} alone` : "found neither"),
            path,
          );
        }
        const placed = weightMapOf(await readText(main), main).entries();
        index = new Map(placed.map(([name, file]) => [name, `${path}/${file}`]));
        files = [...new Set(index.values())];
      }
    }
    const shards: Shard[] = [];
    try {
      for (const file of files) shards.push(await openShard(file));
      const tensors = locateTensors(shards, index);
      return new Checkpoint(main, shards, tensors);
    } catch (error) {
      for (const shard of shards) shard.file.close();
      throw error;
    }
  }

  /**
   * Names of all tensors.
   *
   * @returns The names, in the order of the files and their bytes
   */
  names(): string[] {
    return [...this.#tensors.keys()];
  }

  /** Metadata of all files together; the first file wins. */
  get metadata(): ReadonlyMap<string, string> {
    return new Map(this.#shards.toReversed().flatMap((shard) => [...shard.metadata]));
  }

  /**
   * Describes a tensor without reading its values.
   *
   * @param name Name of the tensor
   * @returns Its dtype, shape and the bytes it takes in its file
   * @throws {OptionError} If there is no such tensor
   */
  entry(name: string): TensorEntry {
    return this.#tensor(name).entry;
  }

  /**
   * Names the file that holds a tensor.
   *
   * @throws {OptionError} If there is no such tensor
   */
  file(name: string): string {
    return this.#tensor(name).shard.path;
  }

  /**
   * Tells whether a tensor is there.
   *
   * @param name Name of the tensor
   * @returns True when it is
   */
  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * Reads the bytes of one tensor.
   *
   * @param name Name of the tensor
   * @returns Its little-endian elements, in memory of their own
   * @throws {OptionError} If there is no such tensor
   * @throws {FileError} If the file has become shorter
   * @throws {DisposedError} If the checkpoint is closed
   */
  read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.try(() => {
      const { begin, end } = this.entry(name);
      return this.#fill(name, 0, new Uint8Array(end - begin));
    });
  }

  /**
   * Reads the bytes of one tensor part by part, in memory that each part shares with the next.
   *
   * @param name Name of the tensor
   * @param size Most bytes of a part, a multiple of 8
   * @returns Its little-endian elements, each part good until the next is asked for
   * @throws {OptionError} If there is no such tensor
   * @throws {FileError} If the file has become shorter
   * @throws {DisposedError} If the checkpoint is closed
   */
  *parts(name: string, size = partBytes): Iterable<Uint8Array<ArrayBuffer>> {
    const { begin, end } = this.entry(name);
    const memory = new Uint8Array(Math.min(size, end - begin));
    for (let done = 0; done < end - begin; done += size) {
      yield this.#fill(name, done, memory.subarray(0, end - begin - done));
    }
  }

  /**
   * Reads one tensor as single precision.
   *
   * @param name Name of the tensor
   * @param precision Precision of the result
   * @returns The converted values in row-major order
   * @throws {OptionError} If there is no such tensor
   * @throws {FileError} If the file has become shorter
   * @throws {DisposedError} If the checkpoint is closed
   */
  readFloat(name: string, precision: "f32"): Promise<Float32Array>;
  /**
   * Reads one tensor as double precision.
   *
   * @param name Name of the tensor
   * @param precision Precision of the result
   * @returns The converted values in row-major order
   * @throws {OptionError} If there is no such tensor
   * @throws {FileError} If the file has become shorter
   * @throws {DisposedError} If the checkpoint is closed
   */
  readFloat(name: string, precision: "f64"): Promise<Float64Array>;
  /**
   * Reads one tensor as numbers of the given precision.
   *
   * @param name Name of the tensor
   * @param precision Precision of the result
   * @returns The converted values in row-major order
   */
  readFloat(name: string, precision: "f32" | "f64"): Promise<Float32Array | Float64Array>;
  async readFloat(name: string, precision: "f32" | "f64"): Promise<Float32Array | Float64Array> {
    return decodeFloats(await this.read(name), this.entry(name).dtype, precision);
  }

  /** Closes all files; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const shard of this.#shards) shard.file.close();
  }

  /** Closes all files at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Fills memory with the bytes of a tensor from `start` on. */
  #fill(name: string, start: number, memory: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (this.#closed) {
      throw new DisposedError(
        `Cannot read tensor ${name} as it requires an open checkpoint: found ${this.path} closed`,
      );
    }
    const { shard, entry } = this.#tensor(name);
    return readRange(shard.file, shard.dataStart + entry.begin + start, memory, shard.path);
  }

  #tensor(name: string): ShardTensor<Shard> {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new OptionError(
        `Cannot find tensor as ${this.path} requires one of its ${this.#tensors.size} names: ` +
          `found ${name}`,
      );
    }
    return tensor;
  }
}
