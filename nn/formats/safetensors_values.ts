/**
 * Conversion between the little-endian elements of a safetensors file and arrays of numbers.
 *
 * @module
 */

import { FileError, OptionError, ShapeError } from "../../core/errors.ts";
import { decodeHalf, encodeBf16 } from "../../core/half.ts";
import type { FileDtype, TensorInfo } from "./safetensors.ts";

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
  dtype: FileDtype,
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

/** Element types that weights can have. */
export type FloatDtype = "F64" | "F32" | "F16" | "BF16";

const floats: readonly FileDtype[] = ["F64", "F32", "F16", "BF16"] satisfies FloatDtype[];

/** Whether elements are of a type that weights can have. */
export function isFloat(dtype: FileDtype): dtype is FloatDtype {
  return floats.includes(dtype);
}

/**
 * Requires a tensor to hold floats, as weights do: integers would pass for numbers they are not.
 *
 * @param file Name of the file, for messages
 * @throws {FileError} If it holds integers or truth values
 */
export function requireFloats({ name, dtype }: TensorInfo, file: string): void {
  if (isFloat(dtype)) return;
  const required = `a dtype of ${floats.join(", ")}`;
  throw new FileError(`Cannot use tensor ${name} as it requires ${required}: found ${dtype}`, file);
}

/**
 * Converts elements to single precision.
 *
 * @param bytes Little-endian elements at any offset
 * @param dtype Their type
 * @returns The values; a view of the same memory for aligned F32, else a copy
 * @throws {ShapeError} If the bytes are not whole elements
 */
export function toFloat32(bytes: Uint8Array, dtype: FileDtype): Float32Array {
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
export function toFloat64(bytes: Uint8Array, dtype: FileDtype): Float64Array {
  const values = toNumbers(bytes, dtype);
  return values instanceof Float64Array ? values : new Float64Array(values);
}

/**
 * Converts elements to the precision of a device.
 *
 * @param bytes Little-endian elements at any offset
 * @param dtype Their type
 * @param float Precision of the result
 * @returns The values; a view of the same memory where nothing is to be done
 * @throws {ShapeError} If the bytes are not whole elements
 */
export function decodeFloats(
  bytes: Uint8Array,
  dtype: FileDtype,
  float: "f32" | "f64",
): Float32Array | Float64Array {
  return float === "f64" ? toFloat64(bytes, dtype) : toFloat32(bytes, dtype);
}

/** Largest number of a type, and the least that rounds to infinity. */
const ranges = {
  F64: { largest: Number.MAX_VALUE, overflow: Infinity },
  F32: { largest: (2 - 2 ** -23) * 2 ** 127, overflow: (2 - 2 ** -24) * 2 ** 127 },
  BF16: { largest: (2 - 2 ** -7) * 2 ** 127, overflow: (2 - 2 ** -8) * 2 ** 127 },
  F16: { largest: 65504, overflow: 65520 },
} as const satisfies Record<FloatDtype, { largest: number; overflow: number }>;

/**
 * Converts numbers to elements, rounding to the nearest.
 *
 * @param values Numbers
 * @param dtype Their type in the file
 * @param name Name of the tensor, for the message
 * @returns Little-endian elements; a view of the same memory where nothing is to be done
 * @throws {OptionError} If a finite number would become infinite
 */
export function encodeFloats(
  values: Float32Array | Float64Array,
  dtype: FloatDtype,
  name?: string,
): Uint8Array {
  const elements = elementsOf(values, dtype, name);
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}

function elementsOf(
  values: Float32Array | Float64Array,
  dtype: FloatDtype,
  name?: string,
): Float64Array | Float32Array | Float16Array | Uint16Array {
  if (dtype === "F64") return values instanceof Float64Array ? values : new Float64Array(values);
  if (dtype === "F32" && values instanceof Float32Array) return values;
  const { largest, overflow } = ranges[dtype];
  const lost = values.find((x) => Math.abs(x) >= overflow && Number.isFinite(x));
  if (lost !== undefined) {
    const most = largest > 1e6 ? largest.toExponential(4) : largest;
    const what = name === undefined ? "" : `tensor ${name} `;
    throw new OptionError(
      `Cannot convert ${what}to ${dtype} as at most ${most} is required: found ${lost}`,
    );
  }
  if (dtype === "F16") return new Float16Array(values);
  const singles = values instanceof Float32Array ? values : new Float32Array(values);
  return dtype === "F32" ? singles : encodeBf16(singles);
}
