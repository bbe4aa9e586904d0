/**
 * What the forward pass leaves of each row, and how rows of sums are stored.
 *
 * @module
 */

import { type RowValue, rowValuesOf } from "../../plan/attention.ts";
import { floatText } from "../ptx/text.ts";
import { ownedRows } from "./attention_shape.ts";
import type { AttentionFrame } from "./frame.ts";
import type { Sums } from "./tile_products.ts";

/** Address of the first value of a head's rows. */
export function rowAddress(frame: AttentionFrame, operand: number, number: string): string {
  const { text } = frame;
  const first = text.into("b32", "mul.lo.u32", number, frame.size("queries"));
  return text.into("b64", "mad.wide.u32", first, 4, frame.address(operand));
}

/** Address of another value, from that of the first one. */
export function valueAddress(frame: AttentionFrame, base: string, value: RowValue): string {
  const place = rowValuesOf(frame.program.masks).indexOf(value);
  if (place === 0) return base;
  const { text } = frame;
  const step = text.into("b32", "mul.lo.u32", frame.size("rows"), place);
  return text.into("b64", "mad.wide.u32", step, 4, base);
}

/** Stores a word for each of the lane's two rows, by the first lane of four. */
export function storeWords(
  frame: AttentionFrame,
  base: string,
  words: readonly string[],
): void {
  const { text } = frame;
  const first = text.into("pred", "setp.eq.u32", frame.quad, 0);
  frame.ownRows().forEach((row, r) => {
    const within = text.into("pred", "setp.lt.and.s32", row, frame.size("queries"), first);
    const address = text.into("b64", "mad.wide.u32", row, 4, base);
    const type = words[r]!.startsWith("%f") ? "f32" : "b32";
    text.add(`@${within} st.global.${type} [${address}], ${words[r]}`);
  });
}

/**
 * Stores sums as rows of a head.
 *
 * @param axis Along which the rows lie
 * @param factors Of each of the two rows that a lane has
 */
export function storeSums(
  frame: AttentionFrame,
  [operand, axis]: readonly [number, number],
  sums: Sums,
  factors: readonly [string, string],
): void {
  const { text, shape: { size, dtypes } } = frame;
  const base = frame.base(operand);
  const limit = frame.size(axis === 3 ? "queries" : "keys");
  const pair = text.into("b32", "shl.b32", frame.quad, 1);
  const bytes = frame.bytes(operand);
  frame.ownRows().forEach((row, r) => {
    const within = text.into("pred", "setp.lt.s32", row, limit);
    const start = text.into("b64", "mad.wide.s32", row, frame.step(operand, axis), base);
    const address = text.into("b64", "mad.wide.u32", pair, bytes, start);
    for (let j = 0; 8 * j < size; j++) {
      const two = sums[j]!.slice(2 * r, 2 * r + 2).map((sum) =>
        text.into("f32", "mul.rn.f32", sum, factors[r]!)
      );
      const place = `[${address}+${8 * j * bytes}]`;
      if (dtypes[operand] === "f32") {
        text.add(`@${within} st.global.v2.f32 ${place}, {${two.join(", ")}}`);
      } else {
        const word = text.into("b32", "cvt.rn.bf16x2.f32", two[1]!, two[0]!);
        text.add(`@${within} st.global.b32 ${place}, ${word}`);
      }
    }
  });
}

/** Loads a value of each of the lane's two rows; rows beyond the end have that of the last one. */
export function loadOwn(frame: AttentionFrame, base: string, type: "f32" | "b32"): string[] {
  const { text } = frame;
  const last = text.into("b32", "sub.u32", frame.size("queries"), 1);
  return frame.ownRows().map((row) => {
    const within = text.into("b32", "min.u32", row, last);
    const address = text.into("b64", "mad.wide.u32", within, 4, base);
    return text.into(type, `ld.global.${type}`, `[${address}]`);
  });
}

/** `1 / sum`, or 1 where there is nothing to divide. */
export function reciprocalOf(frame: AttentionFrame, sum: string): string {
  const { text } = frame;
  const none = text.into("pred", "setp.eq.f32", sum, floatText(0));
  const by = text.into("f32", "selp.f32", floatText(1), sum, none);
  const one = text.into("f32", "mov.f32", floatText(1));
  return text.into("f32", "div.rn.f32", one, by);
}

/** Tiles that cover a number of rows. */
export function tilesOf(rows: number): number {
  return Math.ceil(rows / ownedRows);
}
