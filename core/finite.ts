/**
 * Finding NaN and infinity among numbers on the host.
 *
 * @module
 */

import type { Half } from "./dtype.ts";

/** Exponent bits of a 16-bit float: all set in NaN and infinity alone. */
const exponents: Record<Half, number> = { f16: 0x7c00, bf16: 0x7f80 };

/** Index of the first NaN or infinity; -1 where there is none. */
export function firstNonFinite(values: Float32Array | Float64Array): number {
  // Zero times a finite number is zero, so that a loop without branches finds out whether to look.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0 ? -1 : values.findIndex((x) => !Number.isFinite(x));
}

/** The same for the bits of 16-bit floats. */
export function firstNonFiniteHalf(bits: Uint16Array, dtype: Half): number {
  const exponent = exponents[dtype];
  let found = 0;
  for (let i = 0; i < bits.length; i++) found |= (bits[i]! & exponent) === exponent ? 1 : 0;
  return found === 0 ? -1 : bits.findIndex((word) => (word & exponent) === exponent);
}
