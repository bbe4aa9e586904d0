/**
 * Memory as callers outside core make it and look at it: room that is not filled yet, tensors that
 * come part by part, and views by strides. Nothing here is recorded.
 *
 * @module
 */

import type { StoredType } from "./dtype.ts";
import type { Device } from "./device.ts";
import { ShapeError } from "./errors.ts";
import { contiguousStrides, sizeOf } from "./shape.ts";
import { storedBytes, Value } from "./storage.ts";
import { Tensor } from "./tensor.ts";

/** Bytes of some elements. */
type Part = ArrayBufferView;

/** A tensor whose contents are unspecified until an update writes them. */
export function empty(
  device: Device,
  shape: readonly number[],
  dtype: StoredType = device.float,
): Tensor {
  return new Tensor(Value.allocate(device.backend, dtype, shape), device);
}

/**
 * Copies a tensor from the host part by part, each of which is used up before the next is asked for:
 * the host never holds all of it. The scope that is open at the call owns the tensor.
 *
 * @param parts Elements in row-major order as the device holds them; halves as their bits
 * @param name What messages call the tensor
 * @throws {ShapeError} If the parts have more or fewer bytes than the shape requires
 */
export async function tensorFromParts(
  device: Device,
  shape: readonly number[],
  dtype: StoredType,
  parts: Iterable<Part | Promise<Part>> | AsyncIterable<Part>,
  name = "from parts",
): Promise<Tensor> {
  const made = empty(device, shape, dtype);
  const { buffer } = made.value.storage;
  const length = storedBytes(dtype, sizeOf(shape));
  let offset = 0;
  try {
    for await (const part of parts) {
      if (offset + part.byteLength <= length) device.backend.write(buffer, offset, part);
      offset += part.byteLength;
    }
    if (offset === length) return made;
    throw new ShapeError(
      `Cannot fill tensor ${name} as ${length} bytes are required: found ${offset}`,
    );
  } catch (error) {
    made[Symbol.dispose]();
    throw error;
  }
}

/**
 * The memory that a tensor looks at, seen through another shape and other strides: the elements may
 * be ones that `x` itself does not show. No gradient flows through it.
 *
 * **Units**: strides and offset count elements, the offset from the beginning of the memory.
 *
 * @param strides Step along each axis; by default row-major without holes
 * @throws {ShapeError} If an element would lie outside the memory
 */
export function asStrided(
  x: Tensor,
  shape: readonly number[],
  strides: readonly number[] = contiguousStrides(shape),
  offset = 0,
): Tensor {
  const { storage } = x.value;
  const reach = shape.map((size, axis) => (size - 1) * strides[axis]!);
  const lowest = reach.reduce((sum, step) => sum + Math.min(0, step), offset);
  const highest = reach.reduce((sum, step) => sum + Math.max(0, step), offset);
  if (sizeOf(shape) > 0 && (lowest < 0 || highest >= storage.length)) {
    throw new ShapeError(
      `Cannot view memory of ${storage.length} elements as [${shape}] with strides [${strides}] ` +
        `as all elements must lie within it: found ${lowest} to ${highest}`,
    );
  }
  return new Tensor(new Value(storage, shape, strides, offset), x.device);
}
