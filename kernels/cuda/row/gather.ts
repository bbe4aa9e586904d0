/**
 * Gather and scatter-add in PTX. Scatter-add has one thread for each element of the result, which
 * adds what belongs to it in order: the same bits every time, without atomics.
 *
 * @module
 */

import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { loadElement, storeRun } from "../ptx/memory.ts";
import { byteStep } from "../queue/launch.ts";
import { floatText, type PtxProgram, PtxText } from "../ptx/text.ts";

/** Threads of a block. */
const threads = 128;

/** Places of the parameters, in bytes. */
function places(text: PtxText) {
  return {
    /** Table or values, indices, result. */
    addresses: text.reserve(3, 8),
    /** Rows that are indexed, columns, elements of the result. */
    sizes: text.reserve(3, 4),
    /** Steps of the first operand along both axes, in bytes; of the indices, in bytes. */
    strides: text.reserve(3, 4),
  };
}

function begin(text: PtxText, end: string, out: Dtype) {
  const { addresses, sizes, strides } = places(text);
  const [block, thread] = [text.special("ctaid.x"), text.special("tid.x")];
  const id = text.into("b32", "mad.lo.u32", block, threads, thread);
  const beyond = text.into("pred", "setp.ge.u32", id, text.parameter(sizes + 8));
  text.add(`@${beyond} bra ${end}`);
  const width = text.parameter(sizes + 4);
  const [row, column] = text.divide(id, width);
  const base = text.into(
    "b64",
    "mad.wide.s32",
    column,
    text.parameter(strides + 4),
    text.parameter(addresses, "b64"),
  );
  const result = text.into(
    "b64",
    "mad.wide.u32",
    id,
    bytesPerElement(out),
    text.parameter(addresses + 16, "b64"),
  );
  return {
    row,
    count: text.parameter(sizes),
    step: text.parameter(strides),
    base,
    indices: text.parameter(addresses + 8, "b64"),
    indexStep: text.parameter(strides + 8),
    result,
  };
}

/** Rows of a table of one element type by indices, stored in another. */
export function renderGather(dtype: Dtype, out: Dtype): PtxProgram {
  const text = new PtxText();
  const end = text.label();
  const { row, step, base, indices, indexStep, result } = begin(text, end, out);
  const at = text.into("b64", "mad.wide.s32", row, indexStep, indices);
  const source = text.into("b32", "ld.global.b32", `[${at}]`);
  // A table may have more bytes than 32 bits can count, but no more rows than 31 can; steps may be
  // negative.
  const wide = text.into("b64", "mad.wide.s32", source, step, base);
  const value = loadElement(text, dtype, `[${wide}]`);
  storeRun(text, out, `[${result}]`, [value]);
  text.place(end);
  return text.program(threads);
}

/** Sums of rows of one element type by indices, stored in another. */
export function renderScatterAdd(dtype: Dtype, out: Dtype): PtxProgram {
  const text = new PtxText();
  const [end, again, skip, done] = [text.label(), text.label(), text.label(), text.label()];
  const { row, count, step, base, indices, indexStep, result } = begin(text, end, out);
  const total = text.into("f32", "mov.f32", floatText(0));
  const i = text.into("b32", "mov.u32", 0);
  text.place(again);
  text.add(`@${text.into("pred", "setp.ge.u32", i, count)} bra ${done}`);
  const at = text.into("b64", "mad.wide.s32", i, indexStep, indices);
  const target = text.into("b32", "ld.global.b32", `[${at}]`);
  text.add(`@${text.into("pred", "setp.ne.u32", target, row)} bra ${skip}`);
  const address = text.into("b64", "mad.wide.s32", i, step, base);
  const value = loadElement(text, dtype, `[${address}]`);
  text.add(`add.rn.f32 ${total}, ${total}, ${value}`);
  text.place(skip);
  text.add(`add.u32 ${i}, ${i}, 1`);
  text.add(`bra ${again}`);
  text.place(done);
  storeRun(text, out, `[${result}]`, [total]);
  text.place(end);
  return text.program(threads);
}

/**
 * Words of the parameters after the three addresses.
 *
 * @throws {DeviceError} If programs cannot count that far
 */
export function gatherWords(
  sizes: readonly [count: number, width: number, elements: number],
  strides: readonly [row: number, column: number, index: number],
  dtype: Dtype,
): number[] {
  const space = sizes.slice(0, 2);
  const bytes = [bytesPerElement(dtype), bytesPerElement(dtype), 4];
  // The row of a table is chosen by its index, even where there is but one.
  return [...sizes, ...strides.map((step, i) => byteStep(space, step, bytes[i]!))];
}
