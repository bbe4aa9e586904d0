/**
 * The operands of a row program: their parameters, where a thread's row of each begins, and how its
 * elements are reached.
 *
 * @module
 */

import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { type Expr, topological } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { slotsUsed } from "../../plan/slots.ts";
import type { LeafRegisters } from "../ptx/expression.ts";
import { loadElement } from "../ptx/memory.ts";
import type { PtxText } from "../ptx/text.ts";
import { type RowSpread, warp } from "./row_shape.ts";

/** Places of a row program's parameters, in bytes. */
interface RowPlaces {
  /** Addresses of the inputs and outputs, 8 bytes each. */
  readonly addresses: number;
  /** Offsets of the indices. */
  readonly offsets: number;
  /** Sizes of the axes, then the count of what the threads count. */
  readonly sizes: number;
  /** Steps of each operand along each axis: in bytes, those of indices in elements. */
  readonly strides: number;
  /** Numbers of the run. */
  readonly scalars: number;
}

/** Lays out the parameters of a program. */
function rowPlaces(program: RowProgram, rank: number, text: PtxText): RowPlaces {
  const nodes = topological(program.outputs);
  const operands = program.inputs.length + program.outputs.length;
  const indices = slotsUsed(nodes, "index");
  return {
    addresses: text.reserve(operands, 8),
    offsets: text.reserve(indices, 4),
    sizes: text.reserve(rank + 1, 4),
    strides: text.reserve((operands + indices) * rank, 4),
    scalars: text.reserve(slotsUsed(nodes, "scalar"), 4),
  };
}

/** Writes how operands are reached. */
export class RowAccess {
  readonly #nodes: readonly Expr[];
  readonly #places: RowPlaces;
  readonly #row = new Map<number, string>();
  /** Whether each thread has an element, or a unit of them. */
  readonly isMap: boolean;
  /** Columns that are taken at once: 1 where whole units are over. */
  unit: number;
  /** Registers of the columns at hand, of operands that are met in units. */
  readonly vectors = new Map<number, readonly string[]>();
  /** Register of the thread's number among those that share a row. */
  lane = "";
  /** Register of the first column at hand. */
  column = "";

  /** Reserves the parameters. */
  constructor(
    readonly text: PtxText,
    readonly program: RowProgram,
    readonly shape: RowSpread,
  ) {
    this.#nodes = topological(program.outputs);
    this.#places = rowPlaces(program, shape.rank, text);
    this.isMap = shape.kind === "map";
    this.unit = shape.unit;
  }

  get #memory(): number {
    return this.program.inputs.length + this.program.outputs.length;
  }

  /** Finds the thread's row in every operand; threads beyond the last row go to the label. */
  find(end: string): void {
    const coordinates = this.#coordinates(end);
    for (const k of this.#used()) this.#point(k, coordinates);
  }

  /** Register of the length of the row. */
  columns(): string {
    return this.text.parameter(this.#places.sizes + 4 * (this.shape.rank - 1));
  }

  /** Operands that the text mentions. */
  #used(): number[] {
    const used = new Set(this.program.outputs.map((_, k) => this.program.inputs.length + k));
    for (const { op, attribute } of this.#nodes) {
      if (op === "input") used.add(attribute);
      if (op === "index") used.add(this.#memory + attribute);
    }
    return [...used].sort((a, b) => a - b);
  }

  /** The row, or the part of a map, that is the thread's: its coordinates. */
  #coordinates(end: string): string[] {
    const { kind, threads, rank } = this.shape;
    const text = this.text;
    const [block, thread] = [text.special("ctaid.x"), text.special("tid.x")];
    let row = block;
    this.lane = thread;
    if (kind === "warp") {
      const own = text.into("b32", "shr.u32", thread, 5);
      row = text.into("b32", "mad.lo.u32", block, threads / warp, own);
      this.lane = text.into("b32", "and.b32", thread, warp - 1);
    } else if (kind !== "block") {
      row = text.into("b32", "mad.lo.u32", block, threads, thread);
    }
    const count = text.parameter(this.#places.sizes + 4 * rank);
    const beyond = text.into("pred", "setp.ge.u32", row, count);
    text.add(`@${beyond} bra ${end}`);
    const axes = this.isMap ? rank : rank - 1;
    const shift = Math.log2(this.unit);
    const coordinates: string[] = [];
    let rest = row;
    for (let axis = axes - 1; axis > 0; axis--) {
      const unit = axis === rank - 1 ? this.unit : 1;
      const size = text.parameter(this.#places.sizes + 4 * axis);
      const length = unit === 1 ? size : text.into("b32", "shr.u32", size, shift);
      const [quotient, own] = text.divide(rest, length);
      coordinates[axis] = unit === 1 ? own : text.into("b32", "shl.b32", own, shift);
      rest = quotient;
    }
    if (axes > 0) {
      const whole = axes === rank && rank === 1 && this.unit > 1;
      coordinates[0] = whole ? text.into("b32", "shl.b32", rest, shift) : rest;
    }
    return coordinates;
  }

  #stride(operand: number, axis: number): string {
    return this.text.parameter(this.#places.strides + 4 * (operand * this.shape.rank + axis));
  }

  /** Where an operand's row, or its part of a map, begins. */
  #point(operand: number, coordinates: readonly string[]): void {
    const text = this.text;
    const inMemory = operand < this.#memory;
    const start = inMemory
      ? text.parameter(this.#places.addresses + 8 * operand, "b64")
      : text.parameter(this.#places.offsets + 4 * (operand - this.#memory));
    const at = coordinates.reduce((sum, coordinate, axis) => {
      const step = this.#stride(operand, axis);
      return inMemory
        ? text.into("b64", "mad.wide.s32", coordinate, step, sum)
        : text.into("b32", "mad.lo.u32", coordinate, step, sum);
    }, start);
    this.#row.set(operand, at);
  }

  /** Element type of an operand in memory. */
  dtype(operand: number): Dtype {
    return this.shape.dtypes[operand]!;
  }

  /** Address of an operand's element: at the row, or at column `c` of those taken at once. */
  address(operand: number, column: boolean, c: number): string {
    const text = this.text;
    const row = this.#row.get(operand)!;
    if (!column) return `[${row}]`;
    const last = this.shape.rank - 1;
    if (this.shape.wide[operand]) {
      const bytes = bytesPerElement(this.dtype(operand));
      if (this.isMap) return `[${row}]`;
      return `[${text.into("b64", "mad.wide.s32", this.column, bytes, row)}]`;
    }
    if (this.isMap && c === 0) return `[${row}]`;
    const at = this.isMap
      ? String(c)
      : c === 0
      ? this.column
      : text.into("b32", "add.u32", this.column, c);
    const step = this.#stride(operand, last);
    return `[${text.into("b64", "mad.wide.s32", step, at, row)}]`;
  }

  /** How leaves are read at column `c` of those taken at once. */
  leaves(c: number): LeafRegisters {
    const text = this.text;
    return {
      element: (from, slot, column) => {
        const k = from === "input" ? slot : this.program.inputs.length + slot;
        const vector = column ? this.vectors.get(k) : undefined;
        return vector?.[c] ?? loadElement(text, this.dtype(k), this.address(k, column, c));
      },
      index: (slot, column) => {
        const operand = this.#memory + slot;
        const row = this.#row.get(operand)!;
        if (!column || (this.isMap && c === 0)) return row;
        const at = this.isMap
          ? String(c)
          : c === 0
          ? this.column
          : text.into("b32", "add.u32", this.column, c);
        return text.into("b32", "mad.lo.u32", this.#stride(operand, this.shape.rank - 1), at, row);
      },
      scalar: (slot, kind) =>
        text.parameter(this.#places.scalars + 4 * slot, kind === "f32" ? "f32" : "b32"),
      columns: () => {
        const length = text.parameter(this.#places.sizes + 4 * (this.shape.rank - 1));
        return text.into("f32", "cvt.rn.f32.u32", length);
      },
    };
  }
}
