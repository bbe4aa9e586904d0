/**
 * Operands on their way from memory to the matrix units: copied into shared memory as they are, a few
 * turns ahead, from there into fragments, which are taken apart into terms of 8 bits in registers.
 *
 * @module
 */

import { bytesPerElement } from "../../../core/dtype.ts";
import { widen } from "../ptx/memory.ts";
import type { PtxText } from "../ptx/text.ts";
import { type BlockTile, type FactorAccess, threadsOf } from "./product_shape.ts";

/** Where an operand's part of the product lies. */
export interface FactorPlace {
  /** Register of the thread's number. */
  readonly thread: string;
  /** Address of the first element of the batch. */
  readonly base: string;
  /** First outer index of the block. */
  readonly first: string;
  /** Size of the outer axis. */
  readonly limit: string;
  /** Bytes from one outer index to the next. */
  readonly outerStep: string;
  /** Bytes from one inner index to the next. */
  readonly innerStep: string;
}

/** One operand, A (0) or B (1), of one program. */
export class Factor {
  readonly #inner: boolean;
  readonly #bytes: number;
  /** Elements that are copied at once. */
  readonly #unit: number;
  /** Elements from one row to the next in shared memory. */
  readonly #pitch: number;
  readonly #rows: number;
  readonly #perRow: number;
  /** Registers of the addresses of every fourth copy, at the next turn, and the steps between. */
  readonly #addresses: readonly string[];
  readonly #jumps: readonly string[];
  /** Rows from one of the thread's copies to the next. */
  readonly #rowStep: number;
  /** Outer elements from the thread's first one to the end. */
  readonly #left: string;
  readonly #turn: string;
  readonly #target: string;
  readonly #index: { readonly outer: string; readonly inner: string };

  /**
   * Writes what does not change from turn to turn.
   *
   * @param outer Outer elements of the tile
   */
  constructor(
    readonly text: PtxText,
    readonly which: 0 | 1,
    readonly access: FactorAccess,
    readonly tile: BlockTile,
    place: FactorPlace,
  ) {
    const { run, wide, dtype } = access;
    const outer = which === 0 ? tile.m : tile.n;
    const inner = this.#inner = run === "inner";
    const bytes = this.#bytes = bytesPerElement(dtype);
    this.#unit = wide ? 16 / bytes : 1;
    this.#rows = inner ? outer : tile.k;
    this.#pitch = (inner ? tile.k : outer) + (bytes === 2 || inner ? 8 : 4);
    this.#perRow = (inner ? tile.k : outer) / this.#unit;
    const [row, unit] = text.divide(place.thread, this.#perRow);
    const along = text.into("b32", "mul.lo.u32", unit, this.#unit);
    const [o, k] = inner ? [row, along] : [along, row];
    this.#index = { outer: text.into("b32", "add.u32", place.first, o), inner: k };
    const start = text.into("b64", "mad.wide.s32", this.#index.outer, place.outerStep, place.base);
    const address = text.into("b64", "mad.wide.s32", k, place.innerStep, start);
    this.#turn = text.into("b64", "mul.wide.s32", place.innerStep, tile.k);
    const target = text.into("b32", "mad.lo.u32", row, this.#pitch, along);
    this.#target = text.into("b32", "mul.lo.u32", target, bytes);
    const down = inner ? place.outerStep : place.innerStep;
    const rowStep = this.#rowStep = threadsOf(tile) / this.#perRow;
    this.#jumps = [1, 2, 3].map((i) => text.into("b64", "mul.wide.s32", down, i * rowStep));
    const fourth = text.into("b64", "mul.wide.s32", down, 4 * rowStep);
    const addresses = [address];
    for (let row = 4 * rowStep; row < this.#rows; row += 4 * rowStep) {
      addresses.push(text.into("b64", "add.s64", addresses.at(-1)!, fourth));
    }
    this.#addresses = addresses;
    this.#left = text.into("b32", "sub.u32", place.limit, this.#index.outer);
  }

  /** Bytes of shared memory that one turn takes. */
  get bytes(): number {
    return Math.ceil(this.#rows * this.#pitch * this.#bytes / 16) * 16;
  }

  /**
   * Copies the elements of a turn; those beyond the end are zero, and where no turn is left nothing is
   * read.
   *
   * @param base Register of where the turn begins in shared memory
   * @param rest Inner elements that are left, in a register
   * @param even Whether each turn is whole
   */
  copy(base: string, rest: string, even: boolean): void {
    const { text } = this;
    const target = text.into("b32", "add.u32", base, this.#target);
    const any = text.into("pred", "setp.gt.s32", rest, 0);
    for (let i = 0; i * this.#rowStep < this.#rows; i++) {
      const row = i * this.#rowStep;
      const first = this.#addresses[i >> 2]!;
      const address = i % 4 === 0
        ? first
        : text.into("b64", "add.s64", first, this.#jumps[i % 4 - 1]!);
      const inside = even ? any : this.#within(row, rest);
      const outer = this.#inner ? row : 0;
      const within = text.into("pred", "setp.gt.and.s32", this.#left, outer, inside);
      const place = `${target}+${row * this.#pitch * this.#bytes}`;
      this.#copyOne(place, address, within, this.#mine(row));
    }
  }

  /** Predicate of whether the thread's copy, `row` rows after its first, is within the inner axis. */
  #within(row: number, rest: string): string {
    const { text } = this;
    const { inner } = this.#index;
    const later = row > 0 && !this.#inner;
    const k = later ? text.into("b32", "add.u32", inner, row) : inner;
    return text.into("pred", "setp.lt.s32", k, rest);
  }

  /** Where threads are more than copies, those beyond the last do nothing. */
  #mine(row: number): string {
    if (row + this.#rowStep <= this.#rows) return "";
    const limit = (this.#rows - row) * this.#pitch * this.#bytes;
    return `@${this.text.into("pred", "setp.lt.u32", this.#target, limit)} `;
  }

  #copyOne(target: string, address: string, within: string, mine: string): void {
    const { text } = this;
    const bytes = this.#unit * this.#bytes;
    if (bytes >= 4) {
      const size = text.into("b32", "selp.b32", bytes, 0, within);
      const kind = bytes === 16 ? "cg" : "ca";
      text.add(
        `${mine}cp.async.${kind}.shared.global [${target}], [${address}], ${bytes}, ${size}`,
      );
      return;
    }
    // Copies have at least four bytes.
    const half = text.into("b16", "mov.b16", 0);
    text.add(`@${within} ld.global.b16 ${half}, [${address}]`);
    text.add(`${mine}st.shared.b16 [${target}], ${half}`);
  }

  /** Moves on by a turn. */
  advance(): void {
    for (const address of this.#addresses) {
      this.text.add(`add.s64 ${address}, ${address}, ${this.#turn}`);
    }
  }

  /**
   * Register of the lane's own place in shared memory, in bytes from the beginning of a turn.
   *
   * @param lane Register of the lane's number
   * @param first Register of the warp's first outer index within the tile
   */
  lanePlace(lane: string, first: string): string {
    const { text } = this;
    if (this.#bytes === 2) return this.#matrixRow(lane, first);
    const group = text.into("b32", "shr.u32", lane, 2);
    const pair = text.into("b32", "shl.b32", text.into("b32", "and.b32", lane, 3), 1);
    const outer = text.into("b32", "add.u32", first, group);
    const [row, column] = this.#inner ? [outer, pair] : [pair, outer];
    const place = text.into("b32", "mad.lo.u32", row, this.#pitch, column);
    return text.into("b32", "shl.b32", place, 2);
  }

  /** The row of 8 halves that the lane names when matrices are loaded. */
  #matrixRow(lane: string, first: string): string {
    const { text } = this;
    const row = text.into("b32", "and.b32", lane, 7);
    const low = text.into("b32", "and.b32", lane, 8);
    const high = text.into("b32", "shr.u32", text.into("b32", "and.b32", lane, 16), 1);
    // Of A the halves along the outer axis come first, of B those along the inner one.
    const [outerHalf, innerHalf] = this.which === 0 ? [low, high] : [high, low];
    const own = text.into("b32", "add.u32", row, this.#inner ? outerHalf : innerHalf);
    const other = this.#inner ? innerHalf : text.into("b32", "add.u32", outerHalf, first);
    const line = this.#inner ? text.into("b32", "add.u32", own, first) : own;
    const place = text.into("b32", "mad.lo.u32", line, this.#pitch, other);
    return text.into("b32", "shl.b32", place, 1);
  }

  /** Bytes from the lane's place to that at an outer and inner distance. */
  distance(outer: number, inner: number): number {
    return this.#bytes * (this.#inner ? outer * this.#pitch + inner : inner * this.#pitch + outer);
  }

  /** Registers for what a fragment of 16 outer by 16 inner elements holds in shared memory. */
  registers(): readonly string[] {
    const [count, type] = this.#bytes === 4 ? [8, "f32"] as const : [4, "b32"] as const;
    return Array.from({ length: count }, () => this.text.register(type));
  }

  /**
   * Loads a fragment into its registers.
   *
   * @param place The lane's place, in the turn at hand
   */
  load(into: readonly string[], place: string, outer: number, inner: number): void {
    const { text } = this;
    if (this.#bytes === 2) {
      const turned = this.#inner ? "" : ".trans";
      const at = `[${place}+${this.distance(outer, inner)}]`;
      text.add(`ldmatrix.sync.aligned.m8n8.x4${turned}.shared.b16 {${into.join(", ")}}, ${at}`);
      return;
    }
    for (let i = 0; i < 4; i++) {
      const [outerHalf, innerHalf] = this.which === 0 ? [i & 1, i >> 1] : [i >> 1, i & 1];
      const [o, k] = [outer + 8 * outerHalf, inner + 8 * innerHalf];
      const two = into.slice(2 * i, 2 * i + 2);
      if (this.#inner) {
        text.add(`ld.shared.v2.f32 {${two.join(", ")}}, [${place}+${this.distance(o, k)}]`);
      } else {
        two.forEach((value, j) =>
          text.add(`ld.shared.f32 ${value}, [${place}+${this.distance(o, k + j)}]`)
        );
      }
    }
  }

  /** Four words for each term of a fragment that was loaded. */
  words(loaded: readonly string[]): readonly (readonly string[])[] {
    const { text, access: { dtype } } = this;
    if (dtype === "bf16") return [loaded];
    if (this.#bytes === 4) {
      return this.#terms([0, 2, 4, 6].map((i) => [loaded[i]!, loaded[i + 1]!] as const));
    }
    return this.#terms(loaded.map((word) => {
      const halves = [text.register("b16"), text.register("b16")] as const;
      text.add(`mov.b32 {${halves.join(", ")}}, ${word}`);
      return [widen(text, "f16", halves[0]), widen(text, "f16", halves[1])] as const;
    }));
  }

  /**
   * The floats of a fragment as tf32, rounded to nearest so that what is lost is no bias, and where
   * two parts are asked for what that leaves, which has either sign and is tf32 but for the last bit.
   */
  rounded(
    loaded: readonly string[],
    parts: number,
  ): { readonly high: string[]; readonly low: string[] } {
    const { text } = this;
    if (parts === 1) {
      return { high: loaded.map((x) => text.into("b32", "cvt.rna.tf32.f32", x)), low: [] };
    }
    const high = loaded.map((value) => {
      const bits = text.into("b32", "mov.b32", value);
      const up = text.into("b32", "add.u32", bits, "0x1000");
      return text.into("b32", "and.b32", up, "0xffffe000");
    });
    const low = loaded.map((value, i) => {
      const near = text.into("f32", "mov.b32", high[i]!);
      return text.into("b32", "mov.b32", text.into("f32", "sub.rn.f32", value, near));
    });
    return { high, low };
  }

  /** Words of each term: rounded where there is one, else bits in turn, which leaves nothing out. */
  #terms(pairs: readonly (readonly [string, string])[]): string[][] {
    const { text, access: { terms } } = this;
    if (terms === 1) {
      return [pairs.map(([a, b]) => text.into("b32", "cvt.rn.bf16x2.f32", b, a))];
    }
    let left = pairs;
    return Array.from({ length: terms }, (_, term) => {
      const words = left.map(([a, b]) => {
        const bits = [a, b].map((value) => text.into("b32", "mov.b32", value));
        return text.into("b32", "prmt.b32", bits[0]!, bits[1]!, "0x7632");
      });
      if (term < terms - 1) {
        left = left.map(([a, b]) => [this.#remainder(a), this.#remainder(b)] as const);
      }
      return words;
    });
  }

  /** What the leading bits leave: exact, as they were cut off. */
  #remainder(value: string): string {
    const { text } = this;
    const bits = text.into("b32", "mov.b32", value);
    const leading = text.into("b32", "and.b32", bits, "0xffff0000");
    return text.into("f32", "sub.rn.f32", value, text.into("f32", "mov.b32", leading));
  }
}
