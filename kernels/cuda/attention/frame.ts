/**
 * Where a block of fused attention works: its parameters, its head and rows, and what its lanes hold.
 *
 * @module
 */

import { bytesPerElement } from "../../../core/dtype.ts";
import { attentionInputs, type AttentionProgram, attentionScale } from "../../../core/program.ts";
import { attentionSlots, stepAxes } from "../../plan/attention.ts";
import { floatText, PtxText } from "../ptx/text.ts";
import { type AttentionShape, ownedRows } from "./attention_shape.ts";

/** Sizes that a pass is given, in their order. */
const sizes = ["keyHeads", "group", "queries", "keys", "tiles", "heads", "rows"] as const;
/** One of them. */
export type AttentionSize = (typeof sizes)[number];

/** Registers of a head's coordinates: along batch, key heads and group. */
export type HeadPlace = readonly [batch: string, keyHead: string, group: string];

/** What all parts of a pass share. */
export class AttentionFrame {
  readonly text = new PtxText();
  readonly #addresses: number;
  readonly #offsets: number;
  readonly #sizes: number;
  readonly #strides: number;
  readonly #scalars: number;
  readonly thread: string;
  readonly lane: string;
  /** First row of the warp within the block's. */
  readonly warpRow: string;
  /** Row of 8, and number of 4, that a lane has in fragments. */
  readonly group: string;
  readonly quad: string;
  /** Columns of 8 that a lane has in sums, and where it stands among all 8 when rows are read. */
  readonly columns: readonly [string, string];
  /** The head of the block; its group is 0 where the block goes through all of a group. */
  readonly head: HeadPlace;
  /** Number of the head, counting all before it. */
  readonly firstHead: string;
  /** First row of the block. */
  readonly first: string;

  constructor(readonly program: AttentionProgram, readonly shape: AttentionShape) {
    const { text } = this;
    const { scalars, indices } = attentionSlots(program);
    this.#addresses = text.reserve(shape.dtypes.length, 8);
    this.#offsets = text.reserve(indices, 4);
    this.#sizes = text.reserve(sizes.length, 4);
    this.#strides = text.reserve((shape.dtypes.length + indices) * stepAxes, 4);
    this.#scalars = text.reserve(scalars.length, 4);
    this.thread = text.special("tid.x");
    this.lane = text.into("b32", "and.b32", this.thread, 31);
    const warp = text.into("b32", "shr.u32", this.thread, 5);
    this.warpRow = text.into("b32", "shl.b32", warp, 4);
    this.group = text.into("b32", "shr.u32", this.lane, 2);
    this.quad = text.into("b32", "and.b32", this.lane, 3);
    this.columns = this.#columns();
    const { causal } = program.masks;
    const [one, other] = text.divide(
      text.special("ctaid.x"),
      this.size(causal ? "heads" : "tiles"),
    );
    const [heads, tile] = causal ? [other, one] : [one, other];
    const { head, number } = this.#head(heads);
    this.head = head;
    this.firstHead = number;
    // Where some have more to see than others, those of all heads begin first.
    const last = text.into("b32", "sub.u32", this.size("tiles"), 1);
    const turned = causal && program.pass !== "keys";
    const own = turned ? text.into("b32", "sub.u32", last, tile) : tile;
    this.first = text.into("b32", "mul.lo.u32", own, ownedRows);
  }

  #columns(): readonly [string, string] {
    const { text } = this;
    const pair = text.into("b32", "shl.b32", this.quad, 1);
    if (this.shape.rounded) return [pair, text.into("b32", "add.u32", pair, 1)];
    // Swapped in the latter half of 8, so that neither rows nor columns meet in a bank.
    const swap = text.into("b32", "shr.u32", this.quad, 1);
    const first = text.into("b32", "add.u32", pair, swap);
    return [first, text.into("b32", "xor.b32", first, 1)];
  }

  #head(heads: string): { head: HeadPlace; number: string } {
    const { text } = this;
    if (this.program.pass === "keys") {
      const [batch, keyHead] = text.divide(heads, this.size("keyHeads"));
      const number = text.into("b32", "mul.lo.u32", heads, this.size("group"));
      return { head: [batch, keyHead, text.into("b32", "mov.u32", 0)], number };
    }
    const [rest, group] = text.divide(heads, this.size("group"));
    const [batch, keyHead] = text.divide(rest, this.size("keyHeads"));
    return { head: [batch, keyHead, group], number: heads };
  }

  /** A size: of axes, the tiles of a head, all heads that have blocks, or the rows of all. */
  size(name: AttentionSize): string {
    return this.text.parameter(this.#sizes + 4 * sizes.indexOf(name));
  }

  /** Keys beyond the queries, which the first query sees already. */
  beyond(): string {
    return this.text.into("b32", "sub.u32", this.size("keys"), this.size("queries"));
  }

  address(operand: number): string {
    return this.text.parameter(this.#addresses + 8 * operand, "b64");
  }

  /** Step of an operand along an axis: in bytes, of an index in elements. */
  step(operand: number, axis: number): string {
    return this.text.parameter(this.#strides + 4 * (operand * stepAxes + axis));
  }

  scalar(slot: number, kind: string): string {
    return this.text.parameter(this.#scalars + 4 * slot, kind === "f32" ? "f32" : "b32");
  }

  /** Address of the first element of a head. */
  base(operand: number, head: HeadPlace = this.head): string {
    return head.reduce(
      (sum, at, axis) => this.text.into("b64", "mad.wide.s32", at, this.step(operand, axis), sum),
      this.address(operand),
    );
  }

  /** Value of an index at the first element of a head. */
  indexBase(slot: number, head: HeadPlace): string {
    const operand = this.shape.dtypes.length + slot;
    return head.reduce(
      (sum, at, axis) => this.text.into("b32", "mad.lo.u32", at, this.step(operand, axis), sum),
      this.text.parameter(this.#offsets + 4 * slot),
    );
  }

  /** Turns of 2 in an exponent, for each unit of a product of query and key. */
  turns(): string {
    const scale = this.scalar(attentionScale, "f32");
    return this.text.into("f32", "mul.rn.f32", scale, floatText(Math.LOG2E));
  }

  /** Operand of a mask's input. */
  maskOperand(slot: number): number {
    return attentionInputs(this.program) + slot;
  }

  get inputs(): number {
    return this.shape.dtypes.length - 2;
  }

  bytes(operand: number): number {
    return bytesPerElement(this.shape.dtypes[operand]!);
  }

  /** The two rows of the block that a lane has, counted from the head's first. */
  ownRows(): readonly [string, string] {
    const { text } = this;
    const warp = text.into("b32", "add.u32", this.first, this.warpRow);
    const row = text.into("b32", "add.u32", warp, this.group);
    return [row, text.into("b32", "add.u32", row, 8)];
  }
}
