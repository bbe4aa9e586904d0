/**
 * Renders products of which one factor has few rows: each thread keeps the sums of some results over
 * its share of the inner axis, lanes and then warps join theirs in a fixed order, and one thread
 * finishes each result.
 *
 * @module
 */

import type { Binding } from "../../../core/backend.ts";
import { bytesPerElement } from "../../../core/dtype.ts";
import { topological } from "../../../core/expr.ts";
import type { MatmulProgram } from "../../../core/program.ts";
import { slotsOf, slotsUsed } from "../../plan/slots.ts";
import { type LeafRegisters, Values } from "../ptx/expression.ts";
import { loadElement, storeRun } from "../ptx/memory.ts";
import { floatText, type PtxProgram, PtxText } from "../ptx/text.ts";
import { warp } from "../row/row_shape.ts";
import { byteSteps, type CardLaunch, makeCardLaunch } from "../queue/launch.ts";
import type { Modules } from "../queue/modules.ts";
import { joinLanes } from "./join_lanes.ts";
import { type NarrowFactor, NarrowReads } from "./narrow_reads.ts";
import { elementBytes, narrowKey, type NarrowShape } from "./narrow_shape.ts";

/** The launch of such a product. */
export function narrowLaunch(
  program: MatmulProgram,
  { space, inputs, outputs }: Binding,
  shape: NarrowShape,
  modules: Modules,
): CardLaunch {
  const [m, n, k] = space as [number, number, number];
  const operands = [...inputs, ...outputs];
  const kernel = modules.compile(
    `${program.key}/${narrowKey(shape)}`,
    `product ${program.key} of [${space}]`,
    () => new NarrowWriter(program, shape).render(),
  );
  const axes = [[m, k], [k, n]];
  const strides = operands.flatMap(({ dtype, strides }, operand) =>
    byteSteps(axes[operand] ?? [m, n], strides, bytesPerElement(dtype))
  );
  const long = shape.long === 0 ? m : n;
  return makeCardLaunch({
    kernel,
    blocks: Math.ceil(long / shape.each),
    dtypes: operands.map(({ dtype }) => dtype),
    results: outputs.length,
    indices: 0,
    words: [long, k, ...strides],
    scalars: slotsOf(program).scalars,
  });
}

/** Turns of the inner axis whose elements are read before the first is needed. */
const ahead = 4;

class NarrowWriter {
  readonly #text = new PtxText();
  readonly #reads: NarrowReads;
  readonly #addresses: number;
  /** Long outer elements, then inner ones. */
  readonly #sizes: number;
  /** Steps along rows and along columns of each operand, in bytes. */
  readonly #strides: number;
  readonly #scalars: number;
  readonly #thread: string;
  readonly #lane: string;
  readonly #warp: string;
  /** First long outer element of the block, and their number. */
  readonly #first: string;
  readonly #limit: string;
  readonly #depth: string;

  constructor(readonly program: MatmulProgram, readonly shape: NarrowShape) {
    const text = this.#text;
    this.#reads = new NarrowReads(text, shape);
    const operands = program.inputs.length + program.outputs.length;
    this.#addresses = text.reserve(operands, 8);
    this.#sizes = text.reserve(2, 4);
    this.#strides = text.reserve(2 * operands, 4);
    this.#scalars = text.reserve(slotsUsed(topological(program.outputs), "scalar"), 4);
    this.#thread = text.special("tid.x");
    this.#lane = text.into("b32", "and.b32", this.#thread, warp - 1);
    this.#warp = text.into("b32", "shr.u32", this.#thread, 5);
    this.#first = text.into("b32", "mul.lo.u32", text.special("ctaid.x"), shape.each);
    this.#limit = text.parameter(this.#sizes);
    this.#depth = text.parameter(this.#sizes + 4);
  }

  render(): PtxProgram {
    const text = this.#text;
    const { few, each, warps, long, read } = this.shape;
    const inner = read[long].fours === "inner";
    const totals = Array.from(
      { length: inner ? each * few : 4 * few },
      () => text.into("f32", "mov.f32", floatText(0)),
    );
    if (inner) this.#alongInner(totals);
    else this.#alongOuter(totals);
    // Lanes that have the same results: all, or those that differ in their upper three bits.
    const groups = inner ? 1 : each / 4;
    const joined = joinLanes(text, this.#lane, totals, groups);
    const parts = text.shared("parts", warps * each * few);
    const group = text.into("b32", "and.b32", this.#lane, groups - 1);
    const own = text.into("b32", "mad.lo.u32", this.#warp, groups, group);
    const index = text.into("b32", "mad.lo.u32", own, totals.length, joined.index);
    const address = text.into("b32", "mad.lo.u32", index, 4, parts);
    joined.values.forEach((value, i) =>
      text.add(`@${joined.first} st.shared.f32 [${address}+${4 * i}], ${value}`)
    );
    text.add("bar.sync 0");
    this.#finish(parts);
    return text.program(warp * warps);
  }

  #stride(operand: number, axis: 0 | 1): string {
    return this.#text.parameter(this.#strides + 4 * (2 * operand + axis));
  }

  #address(operand: number): string {
    return this.#text.parameter(this.#addresses + 8 * operand, "b64");
  }

  #factor(which: 0 | 1): NarrowFactor {
    const [outer, inner] = which === 0 ? [0, 1] as const : [1, 0] as const;
    const base = this.#address(which);
    return {
      which,
      base,
      outer: this.#stride(which, outer),
      inner: this.#stride(which, inner),
    };
  }

  /** Each lane has four inner elements of all the block's rows. */
  #alongInner(totals: readonly string[]): void {
    const text = this.#text;
    const { few, each, warps, long, read } = this.shape;
    const [rows, others] = [this.#factor(long), this.#factor(long === 0 ? 1 : 0)];
    const last = text.into("b32", "sub.u32", this.#limit, 1);
    const starts = Array.from({ length: each }, (_, r) => {
      const row = r === 0 ? this.#first : text.into("b32", "add.u32", this.#first, r);
      const inside = text.into("b32", "min.u32", row, last);
      return text.into("b64", "mad.wide.s32", inside, rows.outer, rows.base);
    });
    const [again, done] = [text.label(), text.label()];
    const k = text.into("b32", "shl.b32", this.#thread, 2);
    text.place(again);
    text.add(`@${text.into("pred", "setp.ge.u32", k, this.#depth)} bra ${done}`);
    const step = text.into("b64", "mul.wide.s32", k, elementBytes(read[long]));
    const left = starts.map((start) =>
      this.#reads.four(long, text.into("b64", "add.s64", start, step))
    );
    const right = this.#reads.fewAt(others, k);
    for (let r = 0; r < each; r++) {
      for (let s = 0; s < few; s++) {
        const total = totals[r * few + s]!;
        for (let j = 0; j < 4; j++) {
          text.add(`fma.rn.f32 ${total}, ${left[r]![j]}, ${right[j]![s]}, ${total}`);
        }
      }
    }
    text.add(`add.u32 ${k}, ${k}, ${4 * warp * warps}`);
    text.add(`bra ${again}`);
    text.place(done);
  }

  /** Each lane has four long outer elements and every eighth of the warp's inner ones. */
  #alongOuter(totals: readonly string[]): void {
    const text = this.#text;
    const { few, each, warps, long } = this.shape;
    const [columns, others] = [this.#factor(long), this.#factor(long === 0 ? 1 : 0)];
    const groups = each / 4;
    const group = text.into("b32", "and.b32", this.#lane, groups - 1);
    const column = text.into("b32", "mad.lo.u32", group, 4, this.#first);
    const last = text.into("b32", "sub.u32", this.#limit, 4);
    const inside = text.into("b32", "min.u32", column, last);
    const start = text.into("b64", "mad.wide.s32", inside, columns.outer, columns.base);
    const [again, done] = [text.label(), text.label()];
    const k = text.into("b32", "div.u32", this.#thread, groups);
    const turn = warp * warps / groups;
    text.place(again);
    text.add(`@${text.into("pred", "setp.ge.u32", k, this.#depth)} bra ${done}`);
    const loaded = Array.from({ length: ahead }, (_, i) => {
      const at = i === 0 ? k : text.into("b32", "add.u32", k, i * turn);
      const met = text.into("pred", "setp.lt.u32", at, this.#depth);
      const place = text.into("b64", "mad.wide.s32", at, columns.inner, start);
      const beside = text.into("b64", "mad.wide.s32", at, others.inner, others.base);
      return [this.#reads.four(long, place, met), this.#reads.fewOf(others, beside, met)] as const;
    });
    for (const [four, own] of loaded) {
      for (let j = 0; j < 4; j++) {
        for (let s = 0; s < few; s++) {
          const total = totals[j * few + s]!;
          text.add(`fma.rn.f32 ${total}, ${four[j]}, ${own[s]}, ${total}`);
        }
      }
    }
    text.add(`add.u32 ${k}, ${k}, ${ahead * turn}`);
    text.add(`bra ${again}`);
    text.place(done);
  }

  /** Joins the sums of all warps; one thread finishes a result, or one after another. */
  #finish(parts: string): void {
    const text = this.#text;
    const { few, each, warps, long } = this.shape;
    const results = each * few;
    const [again, skip, end] = [text.label(), text.label(), text.label()];
    const at = text.into("b32", "mov.u32", this.#thread);
    text.place(again);
    text.add(`@${text.into("pred", "setp.ge.u32", at, results)} bra ${end}`);
    const place = text.into("b32", "mad.lo.u32", at, 4, parts);
    const x = text.into("f32", "ld.shared.f32", `[${place}]`);
    for (let w = 1; w < warps; w++) {
      const more = text.into("f32", "ld.shared.f32", `[${place}+${4 * w * results}]`);
      text.add(`add.rn.f32 ${x}, ${x}, ${more}`);
    }
    const [outer, s] = text.divide(at, few);
    const row = text.into("b32", "add.u32", this.#first, outer);
    text.add(`@${text.into("pred", "setp.ge.u32", row, this.#limit)} bra ${skip}`);
    this.#store(x, long === 0 ? [row, s] : [s, row]);
    text.place(skip);
    text.add(`add.u32 ${at}, ${at}, ${warp * warps}`);
    text.add(`bra ${again}`);
    text.place(end);
  }

  /** The program's expressions of one result. */
  #store(x: string, [m, n]: readonly [string, string]): void {
    const text = this.#text;
    const { program, shape: { dtypes } } = this;
    const place = (operand: number) => {
      const row = text.into(
        "b64",
        "mad.wide.s32",
        m,
        this.#stride(operand, 0),
        this.#address(operand),
      );
      return `[${text.into("b64", "mad.wide.s32", n, this.#stride(operand, 1), row)}]`;
    };
    const leaves: LeafRegisters = {
      element: (_, slot) => slot === 0 ? x : loadElement(text, dtypes[slot - 1]!, place(slot + 1)),
      index: () => "0",
      scalar: (slot, kind) =>
        text.parameter(this.#scalars + 4 * slot, kind === "f32" ? "f32" : "b32"),
      columns: () => floatText(1),
    };
    const values = new Values();
    values.compute(text, topological(program.outputs), leaves);
    program.outputs.forEach((e, i) => {
      const operand = program.inputs.length + i;
      storeRun(text, dtypes[operand - 2]!, place(operand), [values.of(e)]);
    });
  }
}
