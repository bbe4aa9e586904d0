/**
 * Element types: what storage holds ({@linkcode Dtype}) and what a scalar expression computes with
 * ({@linkcode Kind}). Whether a float is 32 or 64 bits wide is decided by the storage alone.
 *
 * @module
 */

/** Element type of a storage. */
export type Dtype = "f32" | "f64" | "u32";

/** Type of a scalar expression; `f32` stands for the storage's float. */
export type Kind = "f32" | "u32" | "bool";

/** Typed array that holds elements of any {@linkcode Dtype}. */
export type TypedArray = Float32Array | Float64Array | Uint32Array;

/** Bytes an element takes. */
export function bytesPerElement(dtype: Dtype): number {
  return dtype === "f64" ? 8 : 4;
}

/** Views `length` elements of `dtype` from byte `start` of `buffer`; by default all of it. */
export function viewAs(
  dtype: Dtype,
  buffer: ArrayBufferLike,
  start = 0,
  length?: number,
): TypedArray {
  if (dtype === "f32") return new Float32Array(buffer, start, length);
  if (dtype === "f64") return new Float64Array(buffer, start, length);
  return new Uint32Array(buffer, start, length);
}
