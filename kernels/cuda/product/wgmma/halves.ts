/**
 * Factors of bf16 on their way from memory to shared memory, where tensor units read them: lines of 128
 * bytes, whose units of 16 bytes are exchanged by the line's number (the swizzle of 128 bytes).
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";
import type { FactorPlace } from "../factor.ts";
import type { FactorAccess } from "../product_shape.ts";

/** Inner elements of a turn. */
const turn = 64;
/** Bytes of 64 lines. */
const panel = 64 * 128;

/** Outer elements of a tile, and threads of a block. */
export interface HalvesTile {
  readonly outer: number;
  readonly threads: number;
}

/**
 * One factor: where elements lie together along the inner axis, a line is 64 of an outer index; else it
 * is 64 outer elements of an inner index, and there is a panel of lines for each 64.
 */
export class Halves {
  readonly #inner: boolean;
  readonly #addresses: string[] = [];
  readonly #index: string;
  readonly #step: string;
  readonly #target: string;
  /** Lines from one of the thread's copies to the next. */
  readonly #lines: number;

  /** Writes what does not change from turn to turn. */
  constructor(
    readonly text: PtxText,
    access: FactorAccess,
    readonly tile: HalvesTile,
    place: FactorPlace,
  ) {
    this.#inner = access.run === "inner";
    const perLine = this.#inner ? 8 : tile.outer / 8;
    this.#lines = tile.threads / perLine;
    const [line, unit] = text.divide(place.thread, perLine);
    if (this.#inner) this.#alongInner(line, unit, place);
    else this.#alongOuter(line, unit, place);
    this.#index = this.#inner ? text.into("b32", "shl.b32", unit, 3) : line;
    this.#step = text.into("b64", "mul.wide.s32", place.innerStep, turn);
    const own = text.into("b32", "and.b32", unit, 7);
    const swizzled = text.into("b32", "xor.b32", own, text.into("b32", "and.b32", line, 7));
    const lineAt = text.into(
      "b32",
      "mad.lo.u32",
      swizzled,
      16,
      text.into("b32", "shl.b32", line, 7),
    );
    const number = text.into("b32", "shr.u32", unit, 3);
    this.#target = text.into("b32", "mad.lo.u32", number, panel, lineAt);
  }

  #alongInner(line: string, unit: string, place: FactorPlace): void {
    const { text, tile } = this;
    const first = text.into("b32", "add.u32", place.first, line);
    const last = text.into("b32", "sub.u32", place.limit, 1);
    for (let down = 0; down < tile.outer; down += this.#lines) {
      // What is beyond the end is computed from the last one and not kept.
      const own = text.into("b32", "min.u32", text.into("b32", "add.u32", first, down), last);
      const start = text.into("b64", "mad.wide.s32", own, place.outerStep, place.base);
      this.#addresses.push(text.into("b64", "mad.wide.s32", unit, 16, start));
    }
  }

  #alongOuter(line: string, unit: string, place: FactorPlace): void {
    const { text } = this;
    const first = text.into("b32", "mad.lo.u32", unit, 8, place.first);
    const last = text.into("b32", "sub.u32", place.limit, 8);
    const own = text.into("b32", "min.u32", first, last);
    const start = text.into("b64", "mad.wide.s32", own, 2, place.base);
    const down = text.into("b64", "mul.wide.s32", place.innerStep, this.#lines);
    this.#addresses.push(text.into("b64", "mad.wide.s32", line, place.innerStep, start));
    for (let k = this.#lines; k < turn; k += this.#lines) {
      this.#addresses.push(text.into("b64", "add.s64", this.#addresses.at(-1)!, down));
    }
  }

  /** Bytes of a tile. */
  get bytes(): number {
    return 128 * this.tile.outer;
  }

  /**
   * Copies the next turn; what is beyond the end of the inner axis is zero.
   *
   * @param base Register of where the tile begins
   * @param rest Register of the inner elements that are left
   * @param even Whether each turn is whole
   */
  copy(base: string, rest: string, even: boolean): void {
    const { text } = this;
    const target = text.into("b32", "add.u32", base, this.#target);
    const sizeOf = (predicate: string) => text.into("b32", "selp.b32", 16, 0, predicate);
    const whole = even ? sizeOf(text.into("pred", "setp.gt.s32", rest, 0)) : "";
    this.#addresses.forEach((address, i) => {
      const later = !this.#inner && i > 0;
      const size = even ? whole : sizeOf(text.into(
        "pred",
        "setp.lt.s32",
        later ? text.into("b32", "add.u32", this.#index, i * this.#lines) : this.#index,
        rest,
      ));
      const to = `[${target}+${128 * i * this.#lines}]`;
      text.add(`cp.async.cg.shared.global ${to}, [${address}], 16, ${size}`);
      text.add(`add.s64 ${address}, ${address}, ${this.#step}`);
    });
  }

  /** Whether tensor units must turn what they read: 1 or 0. */
  get turned(): 0 | 1 {
    return this.#inner ? 0 : 1;
  }

  /** Lower word of the descriptor of a tile at 0: the bytes from panel to panel. */
  get lower(): number {
    return (this.#inner ? 1 : panel >> 4) << 16;
  }

  /** Bytes from the beginning of a tile to a step of 16 inner elements of the outer ones from 64g on. */
  at(group: number, step: number): number {
    return group * panel + step * (this.#inner ? 32 : 16 * 128);
  }
}
