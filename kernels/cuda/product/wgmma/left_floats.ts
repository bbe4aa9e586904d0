/**
 * The left factor on its way from memory to the registers of a warp group: each lane reads the floats
 * of its own two rows.
 *
 * @module
 */

import type { PtxText } from "../../ptx/text.ts";
import type { FactorPlace } from "../factor.ts";
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
 * A as floats that lie together along the inner axis. A lane has elements 4t to 4t+3 and 16+4t to
 * 16+4t+3 of a turn, t being its place among the four lanes of a row: `unitOf` says where B has them.
 */
export class LeftFloats {
  /** Addresses of the lane's rows, at the turn that is read next. */
  readonly #addresses: readonly string[];
  /** First inner element of the lane. */
  readonly #inner: string;
  /** What was read, by row and half of the turn. */
  readonly #raw: readonly (readonly (readonly string[])[])[];
  /** The parts in registers, by row, half and element. */
  readonly #parts: readonly (readonly (readonly Parts[])[])[];

  /** Writes what does not change from turn to turn. */
  constructor(readonly text: PtxText, place: LeftPlace) {
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
      return text.into("b64", "mad.wide.s32", this.#inner, 4, start);
    });
    const four = <T>(make: () => T) =>
      [0, 1].map(() => [0, 1].map(() => [0, 1, 2, 3].map(() => make())));
    this.#raw = four(() => text.register("f32"));
    this.#parts = four(() => ({ high: text.register("b32"), low: text.register("b32") }));
  }

  /**
   * Reads the next turn.
   *
   * @param rest Register of the inner elements that are left
   * @param even Whether each turn is whole
   */
  read(rest: string, even: boolean): void {
    const { text } = this;
    const any = even ? text.into("pred", "setp.gt.s32", rest, 0) : "";
    for (const half of [0, 1]) {
      const inner = half === 0 ? this.#inner : text.into("b32", "add.u32", this.#inner, 16);
      const within = even ? any : text.into("pred", "setp.lt.s32", inner, rest);
      this.#addresses.forEach((address, row) => {
        const four = this.#raw[row]![half]!;
        if (!even) four.forEach((value) => text.add(`mov.f32 ${value}, 0f00000000`));
        text.add(`@${within} ld.global.v4.f32 {${four.join(", ")}}, [${address}+${64 * half}]`);
      });
    }
    this.#addresses.forEach((address) => text.add(`add.s64 ${address}, ${address}, ${4 * turn}`));
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
