/**
 * A safetensors file in memory as a source of weights, for models and adapters alike.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { WeightSource } from "../models/weight_source.ts";
import { headerLength, parseHeader, type TensorEntry } from "./safetensors.ts";
import { bytesAsWeights, partBytes } from "./tensor_bytes.ts";

/**
 * Reads the header of a safetensors file; values are converted when they are asked for.
 *
 * @param file The whole file
 * @param path Name of the file, for messages
 * @throws {FileError} If any rule of the format is broken
 * @example
 * ```ts ignore
 * const response = await fetch("model/model.safetensors");
 * await loadModel(model, parseSafetensors(await response.arrayBuffer()), device, seedKey(1));
 * ```
 */
export function parseSafetensors(
  file: ArrayBuffer | Uint8Array,
  path = "model.safetensors",
): WeightSource {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const start = 8 + headerLength(bytes, bytes.length, path);
  const { tensors } = parseHeader(bytes.subarray(8, start), bytes.length - start, path);
  const entry = (name: string): TensorEntry => {
    const found = tensors.get(name);
    if (found === undefined) throw new OptionError(`Cannot find tensor ${name} in ${path}`);
    return found;
  };
  return bytesAsWeights({
    path,
    names: () => tensors.keys(),
    entry,
    file: () => path,
    *parts(name) {
      const { begin, end } = entry(name);
      for (let at = begin; at < end; at += partBytes) {
        yield bytes.subarray(start + at, start + Math.min(end, at + partBytes));
      }
    },
  });
}
