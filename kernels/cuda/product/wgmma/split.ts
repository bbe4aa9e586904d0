/**
 * Floats as two numbers that tensor units take.
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";

/** Words of a float as tf32, and of what that leaves. */
export interface Parts {
  readonly high: string;
  readonly low: string;
}

/**
 * A float as tf32, rounded to nearest, and what that leaves, which is tf32 but for the last bit.
 *
 * @param into Registers to use
 */
export function splitInto(text: PtxText, value: string, { high, low }: Parts): void {
  const bits = text.into("b32", "mov.b32", value);
  const up = text.into("b32", "add.u32", bits, "0x1000");
  text.add(`and.b32 ${high}, ${up}, 0xffffe000`);
  const near = text.into("f32", "mov.b32", high);
  text.add(`mov.b32 ${low}, ${text.into("f32", "sub.rn.f32", value, near)}`);
}
