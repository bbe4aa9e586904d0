/**
 * How threads that multiply by themselves read factors: by fours where neighbours lie together, as
 * floats, rounded where products are in bf16.
 *
 * @module
 */

import { widen } from "../ptx/memory.ts";
import { floatText, type PtxText } from "../ptx/text.ts";
import { elementBytes, type NarrowShape } from "./narrow_shape.ts";

/** A factor at hand: where its block begins, and its steps. */
export interface NarrowFactor {
  /** A (0) or B (1). */
  readonly which: 0 | 1;
  /** Address of its first element. */
  readonly base: string;
  /** Bytes from one outer, and from one inner, index to the next. */
  readonly outer: string;
  readonly inner: string;
}

/** Reads the factors of one product. */
export class NarrowReads {
  /** @param text Where reads are written */
  constructor(readonly text: PtxText, readonly shape: NarrowShape) {}

  /** The few elements at four inner indices, by inner index. */
  fewAt(factor: NarrowFactor, k: string): string[][] {
    const text = this.text;
    const { few, read } = this.shape;
    if (read[factor.which].fours === "inner") {
      const start = text.into("b64", "mad.wide.s32", k, factor.inner, factor.base);
      const rows = Array.from({ length: few }, (_, s) => {
        const step = text.into("b64", "mul.wide.s32", factor.outer, s);
        return this.four(factor.which, text.into("b64", "add.s64", start, step));
      });
      return [0, 1, 2, 3].map((j) => rows.map((row) => row[j]!));
    }
    return [0, 1, 2, 3].map((j) => {
      const at = j === 0 ? k : text.into("b32", "add.u32", k, j);
      return this.fewOf(factor, text.into("b64", "mad.wide.s32", at, factor.inner, factor.base));
    });
  }

  /** The few elements of an inner index, whose first one has the address. */
  fewOf(factor: NarrowFactor, start: string, inside?: string): string[] {
    const text = this.text;
    const { few, read } = this.shape;
    const access = read[factor.which];
    if (access.fours === "outer") {
      return Array.from({ length: few / 4 }, (_, i) => {
        return this.four(factor.which, `${start}+${4 * i * elementBytes(access)}`, inside);
      }).flat();
    }
    return Array.from({ length: few }, (_, s) => {
      const step = text.into("b64", "mul.wide.s32", factor.outer, s);
      return this.#one(factor.which, text.into("b64", "add.s64", start, step), inside);
    });
  }

  /** Four neighbours of a factor as floats; 0 where the predicate does not hold. */
  four(which: 0 | 1, address: string, inside?: string): string[] {
    const text = this.text;
    const { dtype } = this.shape.read[which];
    const type = dtype === "f32" ? "f32" : "b16";
    const guard = inside === undefined ? "" : `@${inside} `;
    const four = [0, 1, 2, 3].map(() => this.#zero(type, inside));
    text.add(`${guard}ld.global.v4.${type} {${four.join(", ")}}, [${address}]`);
    return four.map((value) => this.#float(which, value));
  }

  /** One element. */
  #one(which: 0 | 1, address: string, inside?: string): string {
    const text = this.text;
    const { dtype } = this.shape.read[which];
    const type = dtype === "f32" ? "f32" : "b16";
    const value = this.#zero(type, inside);
    const guard = inside === undefined ? "" : `@${inside} `;
    text.add(`${guard}ld.global.${type} ${value}, [${address}]`);
    return this.#float(which, value);
  }

  #zero(type: "f32" | "b16", inside: string | undefined): string {
    const text = this.text;
    if (inside === undefined) return text.register(type);
    return type === "f32"
      ? text.into(type, "mov.f32", floatText(0))
      : text.into(type, "mov.b16", 0);
  }

  /** An element as a float, rounded to bf16 where that is asked for. */
  #float(which: 0 | 1, value: string): string {
    const text = this.text;
    const { rounds, read } = this.shape;
    const { dtype } = read[which];
    const whole = dtype === "f16" || dtype === "bf16" ? widen(text, dtype, value) : value;
    if (!rounds || dtype === "bf16") return whole;
    const half = text.into("b32", "cvt.rn.bf16x2.f32", whole, floatText(0));
    return text.into("f32", "mov.b32", text.into("b32", "and.b32", half, "0xffff0000"));
  }
}
