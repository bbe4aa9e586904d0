/**
 * Element types: what storage holds ({@linkcode Dtype}) and what a scalar expression computes with
 * ({@linkcode Kind}). Whether a float is 32 or 64 bits wide is decided by the storage alone.
 *
 * @module
 */

/**
 * Element type of a storage. Halves are read as floats; programs write those alone in which the
 * backend stores activations.
 */
export type Dtype = "f32" | "f64" | "u32" | Half;

/** Every element type. */
export const dtypes: readonly Dtype[] = ["f32", "f64", "u32", "f16", "bf16"];

/** Formats of 16 bits: of weights that do not change, and of activations. */
export type Half = "f16" | "bf16";

/**
 * Formats of 8 and 4 bits: of matrices that do not change. Programs know none of them; what runs over
 * such a matrix is given its numbers as floats.
 */
export type Quantised = "int8" | "nf4";

/** Every format of 8 and 4 bits. */
export const quantisedFormats = ["int8", "nf4"] as const satisfies readonly Quantised[];

/** What a storage can hold. */
export type StoredType = Dtype | Quantised;

/** Element type of floats that programs write. */
export type StoredFloat = "f32" | "f64" | Half;

/** Type of a scalar expression; `f32` stands for the storage's float. */
export type Kind = "f32" | "u32" | "bool";

/** The lowest finite float of 32 bits: below or equal to every other. */
export const lowestFloat = -3.4028234663852886e38;

/** Typed array of numbers. */
export type TypedArray = Float32Array | Float64Array | Uint32Array;

/** Whether elements are halves. */
export function isHalf(dtype: StoredType): dtype is Half {
  return dtype === "f16" || dtype === "bf16";
}

/** Whether elements are codes. */
export function isQuantised(dtype: StoredType): dtype is Quantised {
  return dtype === "int8" || dtype === "nf4";
}

/** Type of what a program makes of elements, where floats are `float`. */
export function widened(dtype: StoredType, float: "f32" | "f64"): "f32" | "f64" | "u32" {
  return isHalf(dtype) || isQuantised(dtype) ? float : dtype;
}

/** Bytes an element takes. */
export function bytesPerElement(dtype: Dtype): number {
  if (isHalf(dtype)) return 2;
  return dtype === "f64" ? 8 : 4;
}

/** Views `length` elements of `dtype` from byte `start` of `buffer`; by default all of it. */
export function viewAs(
  dtype: Exclude<Dtype, Half>,
  buffer: ArrayBufferLike,
  start = 0,
  length?: number,
): TypedArray {
  if (dtype === "f32") return new Float32Array(buffer, start, length);
  if (dtype === "f64") return new Float64Array(buffer, start, length);
  return new Uint32Array(buffer, start, length);
}
