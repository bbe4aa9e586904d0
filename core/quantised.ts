/**
 * Matrices in 8 or 4 bits, of numbers that come from the host.
 *
 * @module
 */

import type { Device } from "./device.ts";
import type { Quantised } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { empty, tensorFromParts } from "./memory.ts";
import { quantisedParts } from "./quantise.ts";
import { sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { unpacked } from "./unpack.ts";

/**
 * Quantises a tensor part by part: neither host nor device ever holds all of its numbers. The scope that
 * is open at the call owns the tensor.
 *
 * @param parts Finite numbers in row-major order
 * @param name What messages call the tensor
 * @throws {ShapeError} If there are more or fewer numbers than the shape requires
 */
export async function quantisedTensor(
  device: Device,
  shape: readonly number[],
  dtype: Quantised,
  parts: AsyncIterable<Float32Array | Float64Array>,
  name = "from parts",
): Promise<Tensor> {
  const numbers = counted(parts, sizeOf(shape), name);
  const made = await tensorFromParts(device, shape, dtype, quantisedParts(dtype, numbers), name);
  made.value.storage.unpack = unpacked;
  return made;
}

/** A tensor of codes whose contents are unspecified. */
export function emptyQuantised(device: Device, shape: readonly number[], dtype: Quantised): Tensor {
  const made = empty(device, shape, dtype);
  made.value.storage.unpack = unpacked;
  return made;
}

/** The same numbers, of which there must be so many: codes of a few more would take no more memory. */
async function* counted(
  parts: AsyncIterable<Float32Array | Float64Array>,
  size: number,
  name: string,
): AsyncGenerator<Float32Array | Float64Array> {
  let count = 0;
  for await (const part of parts) {
    count += part.length;
    yield part;
  }
  if (count === size) return;
  throw new ShapeError(
    `Cannot fill tensor ${name} as ${size} numbers are required: found ${count}`,
  );
}
