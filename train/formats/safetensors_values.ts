/**
 * Conversion of the little-endian elements of a safetensors file into arrays of numbers.
 *
 * @module
 */

import { ShapeError } from "../../core/errors.ts";
import { decodeHalf } from "../../core/half.ts";
import type { Dtype } from "./safetensors.ts";

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** Sees bytes as elements; copies them first when they do not lie on an element boundary. */
function viewAs<T>(bytes: Uint8Array, type: ArrayType<T>): T {
  const size = type.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) {
    throw new ShapeError(
      `Cannot convert tensor as it requires elements of ${size} bytes: found ${bytes.length} bytes`,
    );
  }
  const { buffer, byteOffset, length } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(buffer, byteOffset, length / size);
}

/** Elements as whatever array type represents them exactly; 64-bit integers round to numbers. */
function toNumbers(
  bytes: Uint8Array,
  dtype: Dtype,
): Float64Array | Float32Array | Int32Array | Uint8Array {
  switch (dtype) {
    case "F64":
      return viewAs(bytes, Float64Array);
    case "F32":
      return viewAs(bytes, Float32Array);
    case "I32":
      return viewAs(bytes, Int32Array);
    case "U8":
    case "BOOL":
      return bytes;
    case "I64":
      return Float64Array.from(viewAs(bytes, BigInt64Array), Number);
    case "F16":
      return decodeHalf(viewAs(bytes, Uint16Array), "f16");
    case "BF16":
      return decodeHalf(viewAs(bytes, Uint16Array), "bf16");
  }
}

/**
 * Converts elements to single precision.
 *
 * @param bytes Little-endian elements at any offset
 * @param dtype Their type
 * @returns The values; a view of the same memory for aligned F32, else a copy
 * @throws {ShapeError} If the bytes are not whole elements
 */
export function toFloat32(bytes: Uint8Array, dtype: Dtype): Float32Array {
  const values = toNumbers(bytes, dtype);
  return values instanceof Float32Array ? values : new Float32Array(values);
}

/**
 * Converts elements to double precision.
 *
 * @param bytes Little-endian elements at any offset
 * @param dtype Their type; I64 beyond 2^53 is rounded
 * @returns The values; a view of the same memory for aligned F64, else a copy
 * @throws {ShapeError} If the bytes are not whole elements
 */
export function toFloat64(bytes: Uint8Array, dtype: Dtype): Float64Array {
  const values = toNumbers(bytes, dtype);
  return values instanceof Float64Array ? values : new Float64Array(values);
}
