/**
 * The right factor on its way from memory to shared memory, where tensor units read it: a tile of high
 * and a tile of low parts, each column of the product a line of 128 bytes whose units of 16 bytes are
 * exchanged by the line's number (the swizzle of 128 bytes).
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";
import type { FactorPlace } from "../factor.ts";
import type { FactorAccess } from "../product_shape.ts";
import { splitInto } from "./split.ts";

/** Inner elements of a turn: a line of a tile. */
const turn = 32;

/** Columns and threads of a block. */
export interface RightTile {
  readonly n: number;
  readonly threads: number;
}

/**
 * B as floats. Unit 4h+j of a line has inner elements 16h+j, 16h+j+4, 16h+j+8 and 16h+j+12, so that
 * a lane's elements of A need not change places.
 */
export class RightFloats {
  readonly #inner: boolean;
  /** Address of each group of four that the thread reads, at the turn that is read next. */
  readonly #addresses: readonly string[];
  /** Its inner element, as a register and what is added. */
  readonly #index: string;
  readonly #step: string;
  /** Predicates of whether neighbours, and pairs of them, change places before they are written. */
  readonly #exchanged: string[] = [];
  readonly #raw: readonly (readonly string[])[];
  /** The thread's places in a tile. */
  readonly #places: readonly string[];

  /** Writes what does not change from turn to turn. */
  constructor(
    readonly text: PtxText,
    readonly access: FactorAccess,
    readonly tile: RightTile,
    place: FactorPlace,
  ) {
    this.#inner = access.run === "inner";
    const [addresses, places, index] = this.#inner
      ? this.#alongInner(place)
      : this.#alongOuter(place);
    this.#addresses = addresses;
    this.#places = places;
    this.#index = index;
    this.#step = text.into("b64", "mul.wide.s32", place.innerStep, turn);
    this.#raw = addresses.map(() => [0, 1, 2, 3].map(() => text.register("f32")));
  }

  /** Bytes of both tiles. */
  get bytes(): number {
    return 2 * this.lowAt;
  }

  /** Bytes from the tile of high parts to that of low ones. */
  get lowAt(): number {
    return 128 * this.tile.n;
  }

  /** Four neighbours of one column, from 16h+4t on: element j is word t of unit 4h+j. */
  #alongInner(place: FactorPlace): readonly [string[], string[], string] {
    const { text, tile } = this;
    const unit = text.into("b32", "and.b32", place.thread, 7);
    const row = text.into("b32", "shr.u32", place.thread, 3);
    const last = text.into("b32", "sub.u32", place.limit, 1);
    const index = text.into("b32", "shl.b32", unit, 2);
    const first = text.into("b32", "add.u32", place.first, row);
    const addresses: string[] = [];
    for (let down = 0; down < tile.n; down += tile.threads / 8) {
      const own = text.into("b32", "min.u32", text.into("b32", "add.u32", first, down), last);
      const start = text.into("b64", "mad.wide.s32", own, place.outerStep, place.base);
      addresses.push(text.into("b64", "mad.wide.s32", index, 4, start));
    }
    const half = text.into("b32", "and.b32", unit, 4);
    const line = text.into("b32", "and.b32", row, 7);
    const swizzled = text.into("b32", "xor.b32", half, line);
    const word = text.into("b32", "and.b32", unit, 3);
    const within = text.into(
      "b32",
      "mad.lo.u32",
      swizzled,
      16,
      text.into("b32", "shl.b32", word, 2),
    );
    const zero = text.into("b32", "mad.lo.u32", row, 128, within);
    const places = [0, 1, 2, 3].map((j) => text.into("b32", "xor.b32", zero, 16 * j));
    return [addresses, places, index];
  }

  /** Rows of B, of a unit's four, that a thread reads where neighbours lie along the columns. */
  get #rows(): 2 | 4 {
    return 2 * this.tile.n >= this.tile.threads ? 4 : 2;
  }

  /**
   * Four neighbours of such rows, which are one unit of four columns, or half of it. Eight lanes read
   * a line of memory; each begins with another of its columns, so that they write to different banks.
   */
  #alongOuter(place: FactorPlace): readonly [string[], string[], string] {
    const { text, tile } = this;
    const rows = this.#rows;
    const bits = (from: number, count: number) =>
      text.into("b32", "and.b32", text.into("b32", "shr.u32", place.thread, from), 2 ** count - 1);
    const eight = bits(0, 3);
    const part = rows === 4 ? text.into("b32", "mov.u32", 0) : bits(3, 1);
    const own = rows === 4 ? bits(3, 2) : text.into("b32", "mad.lo.u32", bits(5, 1), 2, bits(4, 1));
    const half = rows === 4 ? bits(5, 1) : bits(6, 1);
    const beyond = text.into("b32", "shr.u32", place.thread, rows === 4 ? 6 : 7);
    const group = text.into("b32", "mad.lo.u32", beyond, 8, eight);
    const unit = text.into("b32", "mad.lo.u32", half, 4, own);
    const last = text.into("b32", "sub.u32", place.limit, 4);
    const row = text.into("b32", "mad.lo.u32", part, 8, own);
    const index = text.into("b32", "mad.lo.u32", half, 16, row);
    const start = text.into("b64", "mad.wide.s32", index, place.innerStep, place.base);
    const down = text.into("b64", "mul.wide.s32", place.innerStep, 4);
    const column = text.into("b32", "shl.b32", group, 2);
    const first = text.into("b32", "add.u32", place.first, column);
    const addresses: string[] = [];
    for (let right = 0; right < tile.n; right += tile.threads * rows / 8) {
      const there = text.into("b32", "min.u32", text.into("b32", "add.u32", first, right), last);
      addresses.push(text.into("b64", "mad.wide.s32", there, 4, start));
      for (let i = 1; i < rows; i++) {
        addresses.push(text.into("b64", "add.s64", addresses.at(-1)!, down));
      }
    }
    const zero = text.into("b32", "mad.lo.u32", part, 8, text.into("b32", "shl.b32", column, 7));
    const odd = text.into("b32", "xor.b32", unit, text.into("b32", "and.b32", column, 4));
    const turned = bits(1, 2);
    this.#exchanged.push(
      ...[1, 2].map((bit) =>
        text.into("pred", "setp.ne.u32", text.into("b32", "and.b32", turned, bit), 0)
      ),
    );
    const places = [0, 1, 2, 3].map((i) => {
      const e = text.into("b32", "xor.b32", turned, i);
      const line = text.into("b32", "mad.lo.u32", e, 128, zero);
      return text.into("b32", "mad.lo.u32", text.into("b32", "xor.b32", odd, e), 16, line);
    });
    return [addresses, places, index];
  }

  /** Four neighbours in the order in which the thread writes them. */
  #ordered(four: readonly string[]): readonly string[] {
    return this.#exchanged.reduce<readonly string[]>(
      (before, predicate, bit) =>
        before.map((value, i) =>
          this.text.into("f32", "selp.f32", before[i ^ (bit + 1)]!, value, predicate)
        ),
      four,
    );
  }

  /** Bytes of a turn on its way. */
  get rawBytes(): number {
    return 16 * this.#addresses.length * this.tile.threads;
  }

  /** Predicates of whether what the thread reads next is within the inner axis. */
  #within(rest: string, even: boolean): readonly string[] {
    const { text } = this;
    if (even || this.#inner) {
      const one = even
        ? text.into("pred", "setp.gt.s32", rest, 0)
        : text.into("pred", "setp.lt.s32", this.#index, rest);
      return this.#addresses.map(() => one);
    }
    const each = Array.from({ length: this.#rows }, (_, i) => {
      const inner = i === 0 ? this.#index : text.into("b32", "add.u32", this.#index, 4 * i);
      return text.into("pred", "setp.lt.s32", inner, rest);
    });
    return this.#addresses.map((_, i) => each[i % this.#rows]!);
  }

  #advance(): void {
    for (const address of this.#addresses) {
      this.text.add(`add.s64 ${address}, ${address}, ${this.#step}`);
    }
  }

  /**
   * Reads the next turn into registers.
   *
   * @param rest Register of the inner elements that are left
   * @param even Whether each turn is whole
   */
  read(rest: string, even: boolean): void {
    const { text } = this;
    const within = this.#within(rest, even);
    this.#addresses.forEach((address, i) => {
      const four = this.#raw[i]!;
      if (!even) four.forEach((value) => text.add(`mov.f32 ${value}, 0f00000000`));
      text.add(`@${within[i]} ld.global.v4.f32 {${four.join(", ")}}, [${address}]`);
    });
    this.#advance();
  }

  /**
   * Sends the next turn on its way to the thread's places in shared memory.
   *
   * @param base Register of the first of them
   */
  copy(base: string, rest: string, even: boolean): void {
    const { text } = this;
    const within = this.#within(rest, even);
    const sizes = new Map(
      [...new Set(within)].map((predicate) =>
        [predicate, text.into("b32", "selp.b32", 16, 0, predicate)] as const
      ),
    );
    this.#addresses.forEach((address, i) => {
      const to = `${base}+${16 * i * this.tile.threads}`;
      text.add(`cp.async.cg.shared.global [${to}], [${address}], 16, ${sizes.get(within[i]!)}`);
    });
    this.#advance();
  }

  /** Takes a turn that has come into registers. */
  take(base: string): void {
    this.#raw.forEach((four, i) =>
      this.text.add(
        `ld.shared.v4.f32 {${four.join(", ")}}, [${base}+${16 * i * this.tile.threads}]`,
      )
    );
  }

  /**
   * Takes what was read apart and puts it into the tiles.
   *
   * @param base Register of where they begin
   */
  split(base: string): void {
    const { text } = this;
    const at = this.#places.map((own) => text.into("b32", "add.u32", own, base));
    const parts = this.#raw.map((four) =>
      this.#ordered(four).map((value) => {
        const own = { high: text.register("b32"), low: text.register("b32") };
        splitInto(text, value, own);
        return own;
      })
    );
    for (const part of ["high", "low"] as const) {
      const tile = part === "high" ? 0 : this.lowAt;
      if (this.#inner) {
        parts.forEach((four, i) =>
          four.forEach((own, j) =>
            text.add(`st.shared.b32 [${at[j]}+${tile + i * this.tile.threads * 16}], ${own[part]}`)
          )
        );
        continue;
      }
      const rows = this.#rows;
      for (let i = 0; i < parts.length; i += rows) {
        for (let e = 0; e < 4; e++) {
          const unit = parts.slice(i, i + rows).map((four) => four[e]![part]);
          const place = tile + i * this.tile.threads * 16;
          text.add(`st.shared.v${rows}.b32 [${at[e]}+${place}], {${unit.join(", ")}}`);
        }
      }
    }
  }
}
