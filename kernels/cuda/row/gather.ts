/**
 * Gather and scatter-add in PTX. Scatter-add has a warp for each row of the result, or for a part of
 * one, which adds what belongs there in order: the same bits every time, without atomics.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import type { GatherProgram, ScatterAddProgram } from "../../../core/program.ts";
import { loadElement, storeRun } from "../ptx/memory.ts";
import { byteStep, type CardLaunch, checkCount, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import { floatText, type PtxProgram, PtxText } from "../ptx/text.ts";
import { warp } from "./row_shape.ts";

/** Threads of a block. */
const threads = 128;

/** Places of the parameters, in bytes. */
function places(text: PtxText) {
  return {
    /** Table or values, indices, result. */
    addresses: text.reserve(3, 8),
    /** Rows that are indexed, columns, elements of the result or warps. */
    sizes: text.reserve(3, 4),
    /** Steps of the first operand along both axes, in bytes; of the indices, in bytes. */
    strides: text.reserve(3, 4),
  };
}

/** Rows of a table of one element type by indices, stored in another. */
function renderGather(dtype: Dtype, out: Dtype): PtxProgram {
  const text = new PtxText();
  const { addresses, sizes, strides } = places(text);
  const end = text.label();
  const [block, thread] = [text.special("ctaid.x"), text.special("tid.x")];
  const id = text.into("b32", "mad.lo.u32", block, threads, thread);
  text.add(`@${text.into("pred", "setp.ge.u32", id, text.parameter(sizes + 8))} bra ${end}`);
  const [row, column] = text.divide(id, text.parameter(sizes + 4));
  const [table, indices, result] = [0, 8, 16].map((place) =>
    text.parameter(addresses + place, "b64")
  );
  const indexStep = text.parameter(strides + 8);
  const at = text.into("b64", "mad.wide.s32", row, indexStep, indices!);
  const source = text.into("b32", "ld.global.b32", `[${at}]`);
  const base = text.into("b64", "mad.wide.s32", column, text.parameter(strides + 4), table!);
  const step = text.parameter(strides);
  // A table may have more bytes than 32 bits can count, but no more rows than 31 can; steps may be
  // negative.
  const wide = text.into("b64", "mad.wide.s32", source, step, base);
  const value = loadElement(text, dtype, `[${wide}]`);
  const to = text.into("b64", "mad.wide.u32", id, bytesPerElement(out), result!);
  storeRun(text, out, `[${to}]`, [value]);
  text.place(end);
  return text.program(threads);
}

/** Columns of the result that a thread of scatter-add has at most. */
const mostColumns = 16;

/** How scatter-add is spread: columns of each thread, and all warps. */
function scatterSpread(width: number, height: number): { each: number; warps: number } {
  const wanted = Math.ceil(width / warp);
  const each = Math.min(mostColumns, 2 ** Math.ceil(Math.log2(wanted)));
  return { each, warps: height * Math.ceil(width / (warp * each)) };
}

/**
 * Sums of rows by indices. Each lane looks at one index of a turn and tells the others whether it is
 * that of the warp's row.
 *
 * @param each Columns of a thread, a power of two
 */
function renderScatterAdd(dtype: Dtype, out: Dtype, each: number): PtxProgram {
  const text = new PtxText();
  const { addresses, sizes, strides } = places(text);
  const [end, again, next, done] = [text.label(), text.label(), text.label(), text.label()];
  const thread = text.special("tid.x");
  const lane = text.into("b32", "and.b32", thread, warp - 1);
  const own = text.into("b32", "shr.u32", thread, 5);
  const id = text.into("b32", "mad.lo.u32", text.special("ctaid.x"), threads / warp, own);
  text.add(`@${text.into("pred", "setp.ge.u32", id, text.parameter(sizes + 8))} bra ${end}`);
  const [count, width] = [text.parameter(sizes), text.parameter(sizes + 4)];
  const last = text.into("b32", "sub.u32", width, 1);
  const parts = text.into("b32", "div.u32", last, warp * each);
  const [row, part] = text.divide(id, text.into("b32", "add.u32", parts, 1));
  const first = text.into("b32", "mad.lo.u32", part, warp * each, lane);
  const columns = Array.from(
    { length: each },
    (_, c) => c === 0 ? first : text.into("b32", "add.u32", first, warp * c),
  );
  // What lies beyond the end of a row is read from its last column, and not stored.
  const read = columns.map((column) => text.into("b32", "min.u32", column, last));
  const totals = columns.map(() => text.into("f32", "mov.f32", floatText(0)));
  const [step, along] = [text.parameter(strides), text.parameter(strides + 4)];
  const indexStep = text.parameter(strides + 8);
  const [values, indices, result] = [0, 8, 16].map((place) =>
    text.parameter(addresses + place, "b64")
  );
  const from = text.into("b32", "mov.u32", 0);
  text.place(again);
  text.add(`@${text.into("pred", "setp.ge.u32", from, count)} bra ${done}`);
  const index = text.into("b32", "add.u32", from, lane);
  const beyond = text.into("pred", "setp.ge.u32", index, count);
  const at = text.into("b64", "mad.wide.s32", index, indexStep, indices!);
  const target = text.into("b32", "mov.u32", -1);
  text.add(`@!${beyond} ld.global.b32 ${target}, [${at}]`);
  const met = text.into("pred", "setp.eq.u32", target, row);
  const lanes = text.into("b32", "vote.sync.ballot.b32", met, "0xffffffff");
  eachLane(text, lanes, next, (place) => {
    const source = text.into("b32", "add.u32", from, place);
    const start = text.into("b64", "mad.wide.s32", source, step, values!);
    const loaded = read.map((column) => {
      const address = text.into("b64", "mad.wide.s32", column, along, start);
      return loadElement(text, dtype, `[${address}]`);
    });
    loaded.forEach((value, c) => text.add(`add.rn.f32 ${totals[c]}, ${totals[c]}, ${value}`));
  });
  text.place(next);
  text.add(`add.u32 ${from}, ${from}, ${warp}`);
  text.add(`bra ${again}`);
  text.place(done);
  columns.forEach((column, c) => {
    text.add(`@${text.into("pred", "setp.ge.u32", column, width)} bra ${end}`);
    const element = text.into("b32", "mad.lo.u32", row, width, column);
    const address = text.into("b64", "mad.wide.u32", element, bytesPerElement(out), result!);
    storeRun(text, out, `[${address}]`, [totals[c]!]);
  });
  text.place(end);
  return text.program(threads);
}

/** Goes through the bits of a word from the lowest up, and clears them; then goes to `done`. */
function eachLane(text: PtxText, lanes: string, done: string, body: (lane: string) => void): void {
  const again = text.label();
  text.place(again);
  text.add(`@${text.into("pred", "setp.eq.u32", lanes, 0)} bra ${done}`);
  body(text.into("b32", "clz.b32", text.into("b32", "brev.b32", lanes)));
  const less = text.into("b32", "sub.u32", lanes, 1);
  text.add(`and.b32 ${lanes}, ${lanes}, ${less}`);
  text.add(`bra ${again}`);
}

/**
 * The launch of a program.
 *
 * @throws {DeviceError} If programs cannot count as far as it reaches
 */
export function gatherLaunch(
  { family }: GatherProgram | ScatterAddProgram,
  { space, inputs, outputs }: Binding,
  modules: Modules,
): CardLaunch {
  const [count, width, height = count] = space as [number, number, number?];
  const [table, rows] = inputs as readonly [Bound, Bound];
  const { dtype } = outputs[0]!;
  const elements = height * width;
  checkCount("elements", elements);
  const { each, warps } = scatterSpread(width, height);
  const [own, whole, perBlock, render] = family === "gather"
    ? [table.dtype, elements, threads, () => renderGather(table.dtype, dtype)] as const
    : [
      `${table.dtype}/${each}`,
      warps,
      threads / warp,
      () => renderScatterAdd(table.dtype, dtype, each),
    ] as const;
  const kernel = modules.compile(`${family}/${own}/${dtype}`, family, render);
  // The row of a table is chosen by its index, even where there is but one.
  const steps = [...table.strides, rows.strides[0]!].map((step, i) =>
    byteStep([count, width], step, i < 2 ? bytesPerElement(table.dtype) : 4)
  );
  return makeCardLaunch({
    kernel,
    blocks: Math.ceil(whole / perBlock),
    dtypes: [...inputs, ...outputs].map(({ dtype }) => dtype),
    results: outputs.length,
    indices: 0,
    words: [count, width, whole, ...steps],
    scalars: [],
  });
}
