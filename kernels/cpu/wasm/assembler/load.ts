/**
 * Loads of floats in any format: halves are widened as they come in.
 *
 * @module
 */

import { f32x4, i32, i32x4, type Routine, v128 } from "./assembler.ts";
import type { Code } from "./code.ts";

/** How floats lie in memory. */
export type Format = "f32" | "f16" | "bf16";

/** Loads of one format. */
export interface Loads {
  /** Bytes of an element. */
  readonly bytes: number;
  /** Four neighbouring elements, widened to a vector of floats. */
  four(address: Code, offset?: number): Code;
  /** One, in every lane. */
  splat(address: Code, offset?: number): Code;
  /** One in lane 0, zeros elsewhere. */
  first(address: Code, offset?: number): Code;
}

/** The loads of a format, for a routine. */
export function loadsOf(format: Format, routine: Routine): Loads {
  if (format === "f32") {
    return { bytes: 4, four: v128.load, splat: v128.loadSplat, first: v128.loadZero };
  }
  const widen = (bits: Code): Code => {
    if (format === "bf16") return i32x4.shiftLeft(bits, 16);
    const half = routine.local("v128");
    const magnitude = routine.local("v128");
    const field = (mask: number) => v128.and(half.get, i32x4.of(mask));
    return [
      half.set(bits),
      // The exponent counts from -15 instead of -127; subnormal numbers come out right, too.
      magnitude.set(f32x4.mul(i32x4.shiftLeft(field(0x7fff), 13), f32x4.of(2 ** 112))),
      // All ones in the exponent stay so: infinities and what is not a number.
      magnitude.set(v128.or(
        magnitude.get,
        v128.and(i32x4.equal(field(0x7c00), i32x4.of(0x7c00)), i32x4.of(0x7f800000)),
      )),
      v128.or(magnitude.get, i32x4.shiftLeft(field(0x8000), 16)),
    ];
  };
  return {
    bytes: 2,
    four: (address, offset) => widen(v128.loadHalves(address, offset)),
    splat: (address, offset) => widen(i32x4.splat(i32.loadHalf(address, offset))),
    first: (address, offset) =>
      widen(v128.and(i32x4.splat(i32.loadHalf(address, offset)), i32x4.of(0xffff, 0, 0, 0))),
  };
}
