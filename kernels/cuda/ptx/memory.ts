/**
 * Loads and stores of elements, which halves are on their way: registers hold floats and words alone.
 *
 * @module
 */

import { type Dtype, type Half, isHalf } from "../../../core/dtype.ts";
import type { PtxText } from "./text.ts";

/** Loads an element as a float or a word. */
export function loadElement(text: PtxText, dtype: Dtype, address: string): string {
  if (dtype === "u32") return text.into("b32", "ld.global.b32", address);
  if (!isHalf(dtype)) return text.into("f32", "ld.global.f32", address);
  const half = text.into("b16", "ld.global.b16", address);
  return widen(text, dtype, half);
}

/** A half as a float. */
export function widen(text: PtxText, dtype: Half, half: string): string {
  if (dtype === "f16") return text.into("f32", "cvt.f32.f16", half);
  const zero = text.into("b16", "mov.b16", 0);
  const bits = text.register("b32");
  text.add(`mov.b32 ${bits}, {${zero}, ${half}}`);
  return text.into("f32", "mov.b32", bits);
}

/** The address some bytes further on. */
function further(address: string, bytes: number): string {
  return bytes === 0 ? address : `${address.slice(0, -1)}+${bytes}]`;
}

/**
 * Loads an element, or four or eight neighbouring ones, as floats or words. They begin at a multiple
 * of their bytes, or of 16.
 */
export function loadRun(text: PtxText, dtype: Dtype, address: string, count: number): string[] {
  const [type, bytes] = dtype === "f32"
    ? ["f32", 4] as const
    : dtype === "u32"
    ? ["b32", 4] as const
    : ["b16", 2] as const;
  if (count === 1) return [loadElement(text, dtype, address)];
  if (count === 8 && isHalf(dtype)) return loadEight(text, dtype, address);
  const values: string[] = [];
  for (let at = 0; at < count; at += 4) {
    const four = [0, 1, 2, 3].map(() => text.register(type));
    text.add(`ld.global.v4.${type} {${four.join(", ")}}, ${further(address, at * bytes)}`);
    values.push(...isHalf(dtype) ? four.map((half) => widen(text, dtype, half)) : four);
  }
  return values;
}

function loadEight(text: PtxText, dtype: Half, address: string): string[] {
  const words = [0, 1, 2, 3].map(() => text.register("b32"));
  text.add(`ld.global.v4.b32 {${words.join(", ")}}, ${address}`);
  return words.flatMap((word) => {
    const halves = [text.register("b16"), text.register("b16")];
    text.add(`mov.b32 {${halves.join(", ")}}, ${word}`);
    return halves.map((half) => widen(text, dtype, half));
  });
}

/**
 * Stores an element, or four or eight neighbouring ones, from floats or words. Halves are bf16: no
 * program writes others.
 */
export function storeRun(
  text: PtxText,
  dtype: Dtype,
  address: string,
  values: readonly string[],
): void {
  if (isHalf(dtype)) return storeHalves(text, address, values);
  const type = dtype === "u32" ? "b32" : "f32";
  if (values.length === 1) return text.add(`st.global.${type} ${address}, ${values[0]}`);
  for (let at = 0; at < values.length; at += 4) {
    const four = values.slice(at, at + 4).join(", ");
    text.add(`st.global.v4.${type} ${further(address, 4 * at)}, {${four}}`);
  }
}

function storeHalves(text: PtxText, address: string, values: readonly string[]): void {
  if (values.length === 1) {
    const half = text.into("b16", "cvt.rn.bf16.f32", values[0]!);
    return text.add(`st.global.b16 ${address}, ${half}`);
  }
  const words = values.flatMap((low, i) =>
    i % 2 === 0 ? [text.into("b32", "cvt.rn.bf16x2.f32", values[i + 1]!, low)] : []
  );
  text.add(`st.global.v${words.length}.b32 ${address}, {${words.join(", ")}}`);
}
