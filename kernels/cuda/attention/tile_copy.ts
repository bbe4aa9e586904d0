/**
 * Rows of heads on their way into shared memory: asynchronously as they are, or by registers where
 * floats are rounded on the way.
 *
 * @module
 */

import type { AttentionFrame } from "./frame.ts";
import { attentionThreads } from "./attention_shape.ts";

/** Elements from one row to the next in shared memory: neither rows nor columns meet in a bank. */
export function tilePitch(padded: number): number {
  return padded + 8;
}

/** Copies rows of one operand. */
export class TileCopy {
  readonly #unit: number;
  readonly #rowsAtOnce: number;
  readonly #row: string;
  readonly #column: string;
  readonly #target: string;
  readonly #step: string;
  readonly #jumps: readonly string[];
  /** Whether floats are rounded to bf16. */
  readonly #converts: boolean;
  #waiting: { readonly target: string; readonly values: readonly string[] }[] = [];

  /**
   * @param operand Which one
   * @param axis Along which its rows lie
   * @param rows How many are copied at once
   * @param place Where they go, in bytes from the beginning of a stage
   */
  constructor(
    readonly frame: AttentionFrame,
    readonly operand: number,
    axis: number,
    readonly rows: number,
    readonly place: number,
  ) {
    const { text, shape: { rounded, padded } } = frame;
    const bytes = frame.bytes(operand);
    this.#converts = rounded && bytes === 4;
    this.#unit = 16 / bytes;
    const lanes = 32 / this.#unit;
    this.#rowsAtOnce = attentionThreads / lanes;
    const [row, lane] = text.divide(frame.thread, lanes);
    this.#row = row;
    this.#column = text.into("b32", "mul.lo.u32", lane, this.#unit);
    const target = text.into("b32", "mad.lo.u32", row, tilePitch(padded), this.#column);
    this.#target = text.into("b32", "mul.lo.u32", target, this.elementBytes);
    this.#step = frame.step(operand, axis);
    const passes = Math.ceil(rows / this.#rowsAtOnce);
    this.#jumps = Array.from(
      { length: passes - 1 },
      (_, i) => text.into("b64", "mul.wide.s32", this.#step, (i + 1) * this.#rowsAtOnce),
    );
  }

  /** Bytes of an element in shared memory. */
  get elementBytes(): number {
    return this.frame.shape.rounded ? 2 : 4;
  }

  /** Bytes of shared memory that the rows take. */
  get bytes(): number {
    return this.rows * tilePitch(this.frame.shape.padded) * this.elementBytes;
  }

  /**
   * Begins to copy; rows from `limit` on are zero.
   *
   * @param base Address of the head's first row
   * @param first First row, in a register
   * @param stage Register of where the stage begins
   */
  begin(base: string, first: string, limit: string, stage: string): void {
    const { text, shape: { padded, size } } = this.frame;
    const bytes = this.frame.bytes(this.operand);
    const row = text.into("b32", "add.u32", first, this.#row);
    const left = text.into("b32", "sub.u32", limit, row);
    const along = text.into("b64", "mad.wide.u32", this.#column, bytes, base);
    const start = text.into("b64", "mad.wide.s32", row, this.#step, along);
    const target = text.into("b32", "add.u32", stage, this.#target);
    // Where a turn has fewer rows than are copied at once, threads are left over.
    const mine = this.rows < this.#rowsAtOnce
      ? `@${text.into("pred", "setp.lt.u32", this.#row, this.rows)} `
      : "";
    [undefined, ...this.#jumps].forEach((jump, pass) => {
      const down = pass * this.#rowsAtOnce;
      const address = jump === undefined ? start : text.into("b64", "add.s64", start, jump);
      const inside = text.into("pred", "setp.gt.s32", left, down);
      for (let c = 0; c < padded; c += 32) {
        const within = c + 32 <= size
          ? inside
          : text.into("pred", "setp.lt.and.s32", this.#column, size - c, inside);
        const to = this.place + (down * tilePitch(padded) + c) * this.elementBytes;
        this.#one(`${target}+${to}`, `${address}+${c * bytes}`, [mine, within]);
      }
    });
  }

  #one(target: string, address: string, [mine, within]: readonly [string, string]): void {
    const { text } = this.frame;
    if (!this.#converts) {
      const size = text.into("b32", "selp.b32", 16, 0, within);
      text.add(`${mine}cp.async.cg.shared.global [${target}], [${address}], 16, ${size}`);
      return;
    }
    const values = [0, 1, 2, 3].map(() => text.into("f32", "mov.f32", "0f00000000"));
    text.add(`@${within} ld.global.v4.f32 {${values.join(", ")}}, [${address}]`);
    this.#waiting.push({ target, values });
  }

  /** Stores what came by registers. */
  finish(): void {
    const { text } = this.frame;
    for (const { target, values: [a, b, c, d] } of this.#waiting) {
      const words = [[a, b], [c, d]].map(([low, high]) =>
        text.into("b32", "cvt.rn.bf16x2.f32", high!, low!)
      );
      text.add(`st.shared.v2.b32 [${target}], {${words.join(", ")}}`);
    }
    this.#waiting = [];
  }
}
