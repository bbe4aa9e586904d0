/**
 * The left factor on its way from memory to the registers of a warp group: each lane reads the floats
 * of its own two rows.
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";
import type { FactorPlace } from "../factor.ts";
import type { FactorAccess } from "../product_shape.ts";
import { type Parts, splitInto } from "./split.ts";

/** Where the lane's rows are. */
export interface LeftPlace extends FactorPlace {
  /** Register of the lane's number. */
  readonly lane: string;
  /** Register of the warp's first row within the tile. */
  readonly own: string;
}

/** Words of a step of 8 inner elements: four of each part. */
export interface LeftStep {
  readonly high: readonly string[];
  readonly low: readonly string[];
}

/** Inner elements of a turn. */
const turn = 32;

/**
 * A as floats, which are read four at a time where they can be, else one by one. A lane has elements
 * 4t to 4t+3 and 16+4t to 16+4t+3 of a turn, t being its place among the four lanes of a row: units of
 * B's lines are in the same order.
 */
export class LeftFloats {
  /** Whether four neighbours along the inner axis are read at once. */
  readonly #wide: boolean;
  /** Addresses of the lane's rows, at the turn that is read next. */
  readonly #addresses: readonly string[];
  /** Bytes from there to the other elements, of those that are read one by one. */
  readonly #jumps: readonly string[];
  readonly #step: string;
  /** First inner element of the lane. */
  readonly #inner: string;
  /** What was read, by row and half of the turn. */
  readonly #raw: readonly (readonly (readonly string[])[])[];
  /** The parts in registers, by row, half and element. */
  readonly #parts: readonly (readonly (readonly Parts[])[])[];

  /**
   * Writes what does not change from turn to turn.
   *
   * @param threads Threads of the block
   */
  constructor(
    readonly text: PtxText,
    access: FactorAccess,
    readonly threads: number,
    place: LeftPlace,
  ) {
    const row = text.into("b32", "add.u32", place.own, text.into("b32", "shr.u32", place.lane, 2));
    const first = text.into("b32", "add.u32", place.first, row);
    const last = text.into("b32", "sub.u32", place.limit, 1);
    const lane = text.into("b32", "and.b32", place.lane, 3);
    this.#inner = text.into("b32", "shl.b32", lane, 2);
    this.#addresses = [0, 8].map((down) => {
      // Rows beyond the end are computed from the last one and not kept.
      const own = text.into("b32", "add.u32", first, down);
      const there = text.into("b32", "min.u32", own, last);
      const start = text.into("b64", "mad.wide.s32", there, place.outerStep, place.base);
      return text.into("b64", "mad.wide.s32", this.#inner, place.innerStep, start);
    });
    const jump = (elements: number) => text.into("b64", "mul.wide.s32", place.innerStep, elements);
    this.#wide = access.run === "inner" && access.wide;
    this.#jumps = this.#wide ? [] : [1, 2, 3, 16, 17, 18, 19].map(jump);
    this.#step = jump(turn);
    const four = <T>(make: () => T) =>
      [0, 1].map(() => [0, 1].map(() => [0, 1, 2, 3].map(() => make())));
    this.#raw = four(() => text.register("f32"));
    this.#parts = four(() => ({ high: text.register("b32"), low: text.register("b32") }));
  }

  /** Bytes of a turn on its way. */
  get bytes(): number {
    return 64 * this.threads;
  }

  /** Predicates of whether the lane's elements are within the turn that is read next, by half. */
  #within(rest: string, even: boolean): readonly (readonly string[])[] {
    const { text } = this;
    const wide = this.#wide;
    const any = even ? text.into("pred", "setp.gt.s32", rest, 0) : "";
    return [0, 16].map((half) => {
      const each = (wide ? [0] : [0, 1, 2, 3]).map((e) => {
        if (even) return any;
        const inner = text.into("b32", "add.u32", this.#inner, half + e);
        return text.into("pred", "setp.lt.s32", inner, rest);
      });
      return [0, 1, 2, 3].map((e) => each[wide ? 0 : e]!);
    });
  }

  /** Visits what is read at once: its address, its first element and its place among the thread's. */
  #each(
    visit: (
      address: string,
      at: { readonly row: number; readonly half: number; readonly e: number },
      place: number,
    ) => void,
  ): void {
    const { text } = this;
    const wide = this.#wide;
    for (const half of [0, 1]) {
      this.#addresses.forEach((address, row) => {
        for (const e of wide ? [0] : [0, 1, 2, 3]) {
          const jump = 4 * half + e;
          const there = jump === 0
            ? address
            : wide
            ? `${address}+64`
            : text.into("b64", "add.s64", address, this.#jumps[jump - 1]!);
          visit(there, { row, half, e }, 16 * (2 * half + row) * this.threads + 4 * e);
        }
      });
    }
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
    const wide = this.#wide;
    const within = this.#within(rest, even);
    if (!even) { for (const value of this.#raw.flat(2)) text.add(`mov.f32 ${value}, 0f00000000`); }
    this.#each((address, { row, half, e }) => {
      const four = this.#raw[row]![half]!;
      const guard = `@${within[half]![e]}`;
      if (wide) text.add(`${guard} ld.global.v4.f32 {${four.join(", ")}}, [${address}]`);
      else text.add(`${guard} ld.global.f32 ${four[e]}, [${address}]`);
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
    const wide = this.#wide;
    const [bytes, kind] = wide ? [16, "cg"] as const : [4, "ca"] as const;
    const within = this.#within(rest, even);
    const sizes = new Map(
      [...new Set(within.flat())].map((predicate) =>
        [predicate, text.into("b32", "selp.b32", bytes, 0, predicate)] as const
      ),
    );
    this.#each((address, { half, e }, place) => {
      const size = sizes.get(within[half]![e]!);
      const to = `[${base}+${place}]`;
      text.add(`cp.async.${kind}.shared.global ${to}, [${address}], ${bytes}, ${size}`);
    });
    this.#advance();
  }

  /** Takes a turn that has come into registers. */
  take(base: string): void {
    this.#raw.forEach((halves, row) =>
      halves.forEach((four, half) => {
        const from = `${base}+${16 * (2 * half + row) * this.threads}`;
        this.text.add(`ld.shared.v4.f32 {${four.join(", ")}}, [${from}]`);
      })
    );
  }

  /** Takes what was read apart. */
  split(): void {
    this.#raw.forEach((halves, row) =>
      halves.forEach((four, half) =>
        four.forEach((value, e) => splitInto(this.text, value, this.#parts[row]![half]![e]!))
      )
    );
  }

  /** The words of each step of a turn. */
  steps(): LeftStep[] {
    return [0, 1, 2, 3].map((step) => {
      const of = (part: keyof Parts) =>
        [0, 1].flatMap((second) =>
          [0, 1].map((row) => this.#parts[row]![step >> 1]![2 * (step & 1) + second]![part])
        );
      return { high: of("high"), low: of("low") };
    });
  }
}
