/**
 * Exponentials, and sums over the lanes that share a row.
 *
 * @module
 */

import { floatText, type PtxText } from "../ptx/text.ts";

/**
 * `exp(scale (x - peak))` of a product of query and key. The difference is exact where it is small, so
 * that the absolute error is below 2^-24; minus infinity gives 0.
 *
 * @param turns Register of `scale log2(e)`
 */
export function writeWeight(text: PtxText, x: string, peak: string, turns: string): string {
  const shifted = text.into("f32", "sub.rn.f32", x, peak);
  const power = text.into("f32", "mul.rn.f32", shifted, turns);
  return text.into("f32", "ex2.approx.ftz.f32", power);
}

/** Joins a value of the four lanes that share a row; all have the whole then. */
export function joinQuad(text: PtxText, operation: string, value: string): void {
  const type = operation.endsWith("f32") ? "f32" : "b32";
  const other = text.register(type);
  for (const step of [1, 2]) {
    text.add(`shfl.sync.bfly.b32 ${other}, ${value}, ${step}, 31, 0xffffffff`);
    text.add(`${operation} ${value}, ${value}, ${other}`);
  }
}
