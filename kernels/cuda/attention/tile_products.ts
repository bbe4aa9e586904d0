/**
 * Products of a warp's 16 rows with a tile in shared memory. Both kinds leave sums as the matrix units
 * do, of which those of the first kind are the left factor of the second without a move.
 *
 * @module
 */

import { floatText, type PtxText } from "../ptx/text.ts";
import type { AttentionFrame } from "./frame.ts";
import { tilePitch } from "./tile_copy.ts";

/** A factor as tf32 and what that leaves. */
interface Parts {
  readonly high: readonly string[];
  readonly low: readonly string[];
}

/** Four sums of each eight columns: two of a lane's first row, two of its second one. */
export type Sums = readonly (readonly string[])[];

/** Writes products. */
export class TileProducts {
  readonly #text: PtxText;
  readonly #pitch: number;
  readonly #padded: number;
  readonly #rounded: boolean;
  readonly #left: string;
  readonly #rows: string;
  readonly #columns: readonly string[];

  constructor(readonly frame: AttentionFrame) {
    const { text, shape: { padded, rounded } } = frame;
    this.#text = text;
    this.#padded = padded;
    this.#rounded = rounded;
    this.#pitch = tilePitch(padded);
    const own = text.into("b32", "mul.lo.u32", frame.warpRow, this.#pitch * this.#bytes);
    if (rounded) {
      const across = this.#place(this.#low(15), this.#half(16, 1));
      this.#left = text.into("b32", "add.u32", across, own);
      const row = text.into("b32", "add.u32", this.#low(7), this.#half(16, 1));
      this.#rows = this.#place(row, this.#half(8, 0));
      this.#columns = [across];
      return;
    }
    const pair = text.into("b32", "shl.b32", frame.quad, 1);
    const row = this.#place(frame.group, pair);
    this.#left = text.into("b32", "add.u32", row, own);
    // Columns of sums have the order that `frame.columns` tells.
    const turned = text.into("b32", "shr.u32", frame.group, 2);
    this.#rows = this.#place(text.into("b32", "xor.b32", frame.group, turned), pair);
    this.#columns = frame.columns.map((column) => this.#place(column, frame.group));
  }

  get #bytes(): number {
    return this.#rounded ? 2 : 4;
  }

  #low(mask: number): string {
    return this.#text.into("b32", "and.b32", this.frame.lane, mask);
  }

  /** A bit of the lane's number as 0 or 8. */
  #half(bit: number, right: number): string {
    return this.#text.into("b32", "shr.u32", this.#low(bit), right);
  }

  #place(row: string, column: string): string {
    const place = this.#text.into("b32", "mad.lo.u32", row, this.#pitch, column);
    return this.#text.into("b32", "mul.lo.u32", place, this.#bytes);
  }

  #at(row: number, column: number): number {
    return (row * this.#pitch + column) * this.#bytes;
  }

  /** Sums that are 0, of a number of columns. */
  zeros(columns: number): string[][] {
    const zero = () => this.#text.into("f32", "mov.f32", floatText(0));
    return Array.from({ length: columns / 8 }, () => [zero(), zero(), zero(), zero()]);
  }

  /**
   * Products of the warp's rows with each row of a tile.
   *
   * @param left Register of where the block's rows begin, and bytes behind it
   * @param right The same of the tile's rows, of which there are `rows`
   */
  withRows(left: readonly [string, number], right: readonly [string, number], rows: number): Sums {
    const text = this.#text;
    const sums = this.zeros(rows);
    const a = text.into("b32", "add.u32", left[0], this.#left);
    const b = text.into("b32", "add.u32", right[0], this.#rows);
    for (let k = 0; k < this.#padded; k += 16) {
      if (this.#rounded) {
        const own = this.#matrices(a, left[1] + this.#at(0, k), false);
        for (let j = 0; j < rows; j += 16) {
          const tile = this.#matrices(b, right[1] + this.#at(j, k), false);
          [0, 1].forEach((i) => this.#halves(sums[j / 8 + i]!, own, tile.slice(2 * i, 2 * i + 2)));
        }
        continue;
      }
      const own = [0, 8].map((half) => {
        const [near, far] = [0, 8].map((row) => this.#pair(a, left[1] + this.#at(row, k + half)));
        return this.#parts([near![0]!, far![0]!, near![1]!, far![1]!]);
      });
      sums.forEach((sum, j) => {
        const tile = [0, 8].map((half) =>
          this.#parts(this.#pair(b, right[1] + this.#at(8 * j, k + half)))
        );
        this.#exact(sum, own, tile);
      });
    }
    return sums;
  }

  /**
   * Adds products of sums with the columns of a tile.
   *
   * @param left As many columns as the tile has rows
   * @param right Register of where the tile's rows begin, and bytes behind it
   */
  withColumns(left: Sums, right: readonly [string, number], into: Sums): void {
    const text = this.#text;
    const places = this.#columns.map((column) => text.into("b32", "add.u32", right[0], column));
    for (let j = 0; j < left.length; j += 2) {
      const two = left.slice(j, j + 2);
      if (this.#rounded) {
        const own = two.flatMap(([a, b, c, d]) => [this.#pack(a!, b!), this.#pack(c!, d!)]);
        for (let c = 0; c < into.length; c += 2) {
          const tile = this.#matrices(places[0]!, right[1] + this.#at(8 * j, 8 * c), true);
          [0, 1].forEach((i) => this.#halves(into[c + i]!, own, tile.slice(2 * i, 2 * i + 2)));
        }
        continue;
      }
      const own = two.map(([a, b, c, d]) => this.#parts([a!, c!, b!, d!]));
      into.forEach((sum, c) => {
        const tile = [0, 1].map((i) =>
          this.#parts(places.map((place) => {
            const at = right[1] + this.#at(8 * (j + i), 8 * c);
            return text.into("f32", "ld.shared.f32", `[${place}+${at}]`);
          }))
        );
        this.#exact(sum, own, tile);
      });
    }
  }

  #matrices(place: string, at: number, turned: boolean): string[] {
    const text = this.#text;
    const four = [0, 1, 2, 3].map(() => text.register("b32"));
    const kind = turned ? "x4.trans" : "x4";
    text.add(
      `ldmatrix.sync.aligned.m8n8.${kind}.shared.b16 {${four.join(", ")}}, [${place}+${at}]`,
    );
    return four;
  }

  #pair(place: string, at: number): string[] {
    const two = [this.#text.register("f32"), this.#text.register("f32")];
    this.#text.add(`ld.shared.v2.f32 {${two.join(", ")}}, [${place}+${at}]`);
    return two;
  }

  #pack(low: string, high: string): string {
    return this.#text.into("b32", "cvt.rn.bf16x2.f32", high, low);
  }

  /**
   * Rounded to nearest, so that what is left has either sign and what is lost is no bias: of
   * `8193 x - 8192 x` the first product has lost the lower bits. Floats from 2^115 on are too large for
   * it; by integers it takes the units that count half as fast.
   */
  #parts(values: readonly string[]): Parts {
    const text = this.#text;
    const bits = (value: string) => text.into("b32", "mov.b32", value);
    const high = values.map((value) => {
      const more = text.into("f32", "mul.rn.f32", value, floatText(8193));
      return text.into("f32", "fma.rn.f32", value, floatText(-8192), more);
    });
    const low = values.map((value, i) => text.into("f32", "sub.rn.f32", value, high[i]!));
    return { high: high.map(bits), low: low.map(bits) };
  }

  #halves(sum: readonly string[], left: readonly string[], right: readonly string[]): void {
    this.#multiply("m16n8k16", "bf16", [sum, left, right, sum]);
  }

  /** 16 inner elements, the smallest products first; matrix units cut sums off, so that these are few. */
  #exact(sum: readonly string[], left: readonly Parts[], right: readonly Parts[]): void {
    const text = this.#text;
    const own = sum.map(() => text.register("f32"));
    let before: readonly string[] = sum.map(() => floatText(0));
    for (const [i, j] of [["low", "high"], ["high", "low"], ["high", "high"]] as const) {
      for (const half of [0, 1]) {
        this.#multiply("m16n8k8", "tf32", [own, left[half]![i], right[half]![j], before]);
        before = own;
      }
    }
    sum.forEach((register, e) => text.add(`add.rn.f32 ${register}, ${register}, ${own[e]}`));
  }

  #multiply(shape: string, type: string, lists: readonly (readonly string[])[]): void {
    const operands = lists.map((list) => `{${list.join(", ")}}`).join(", ");
    this.#text.add(`mma.sync.aligned.${shape}.row.col.f32.${type}.${type}.f32 ${operands}`);
  }
}
