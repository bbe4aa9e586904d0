/**
 * Numbers of 16 bits on the host.
 *
 * @module
 */

import type { Half } from "./dtype.ts";

let halves: Float32Array | undefined;

/** Values of all 65,536 half-precision numbers: quicker than arithmetic, and needs no Float16Array. */
function halfValues(): Float32Array {
  if (halves !== undefined) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits >= 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = (bits & 0x3ff) / 1024;
    const magnitude = exponent === 0
      ? fraction * 2 ** -14
      : exponent === 31
      ? (fraction === 0 ? Infinity : NaN)
      : (1 + fraction) * 2 ** (exponent - 15);
    halves[bits] = sign * magnitude;
  }
  return halves;
}

/** Bits as the numbers they stand for. */
export function decodeHalf(bits: Uint16Array, dtype: Half): Float32Array<ArrayBuffer> {
  if (dtype === "bf16") {
    const words = new Uint32Array(bits.length);
    for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
    return new Float32Array(words.buffer);
  }
  const table = halfValues();
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]!]!;
  return values;
}

/** Bits of the nearest numbers in bf16, the upper half of 32 bits; of two nearest the even one. */
export function encodeBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = words[i]!;
    // Rounding could carry a NaN over to zero.
    bits[i] = (word & 0x7fffffff) > 0x7f800000
      ? 0x7fc0
      : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return bits;
}
