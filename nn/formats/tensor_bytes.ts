/**
 * The bytes of safetensors files as a source of weights, wherever the files lie.
 *
 * @module
 */

import type { WeightSource } from "../models/weight_source.ts";
import { byteLength, type TensorInfo } from "./safetensors.ts";

/** Most bytes of a tensor that are read at once; a multiple of every element's size. */
export const partBytes = 2 ** 22;

/** Tensors whose bytes are read part by part. */
export interface TensorBytes {
  /** File or folder, for messages. */
  readonly path: string;
  /** Names of all tensors. */
  names(): Iterable<string>;
  /** What the header of its file says of a tensor. */
  entry(name: string): TensorInfo;
  /** File that holds a tensor, for messages. */
  file(name: string): string;
  /** Its little-endian elements: whole ones in each part, which is good until the next is asked for. */
  parts(name: string): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** What converts elements, loaded where they are read. */
const conversion = () => import("./safetensors_values.ts");

/** Tensors as weights: floats are converted as they come, and 16 bits may stay as they are. */
export function bytesAsWeights(tensors: TensorBytes): WeightSource {
  const floats = async (name: string) => {
    const { decodeFloats, requireFloats } = await conversion();
    requireFloats(tensors.entry(name), tensors.file(name));
    return { ...tensors.entry(name), decodeFloats };
  };
  return {
    path: tensors.path,
    file: (name) => tensors.file(name),
    names: () => tensors.names(),
    shape: (name) => tensors.entry(name).shape,
    async read(name, float) {
      const { dtype, shape, decodeFloats } = await floats(name);
      const bytes = new Uint8Array(byteLength(dtype, shape));
      let filled = 0;
      for await (const part of tensors.parts(name)) {
        bytes.set(part, filled);
        filled += part.length;
      }
      return decodeFloats(bytes, dtype, float);
    },
    async *parts(name, float) {
      const { dtype, decodeFloats } = await floats(name);
      for await (const part of tensors.parts(name)) yield decodeFloats(part, dtype, float);
    },
    halves(name) {
      const { dtype } = tensors.entry(name);
      if (dtype !== "F16" && dtype !== "BF16") return undefined;
      return { dtype: dtype === "F16" ? "f16" : "bf16", parts: tensors.parts(name) };
    },
  };
}
