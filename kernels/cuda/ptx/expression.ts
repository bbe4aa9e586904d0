/**
 * PTX of scalar expressions. Sums and products are rounded one by one, so that a value is the same in
 * whatever program it stands.
 *
 * @module
 */

import type { Kind } from "../../../core/dtype.ts";
import { type Expr, isReduction, variesByColumn } from "../../../core/expr.ts";
import type { ScalarOp } from "../../../core/operations.ts";
import { writeDraw, writeErf, writeExp, writeLog, writeTanh, type Written } from "./functions.ts";
import { floatText, type PtxText, type RegisterType } from "./text.ts";

const one = (type: RegisterType, operation: string): Written => (text, ...operands) =>
  text.into(type, operation, ...operands);

/** Instructions of each operation; of those on several kinds, the one on floats. */
const written: Readonly<Record<ScalarOp, Written>> = {
  add: one("f32", "add.rn.f32"),
  sub: one("f32", "sub.rn.f32"),
  mul: one("f32", "mul.rn.f32"),
  div: one("f32", "div.rn.f32"),
  neg: one("f32", "neg.f32"),
  abs: one("f32", "abs.f32"),
  exp: writeExp,
  log: writeLog,
  sqrt: one("f32", "sqrt.rn.f32"),
  rsqrt: one("f32", "rsqrt.approx.f32"),
  tanh: writeTanh,
  erf: writeErf,
  max: one("f32", "max.NaN.f32"),
  select: (text, condition, a, b) => text.into("f32", "selp.f32", a!, b!, condition!),
  stop: (_, a) => a!,
  toFloat: one("f32", "cvt.rn.f32.u32"),
  toWord: one("b32", "cvt.rzi.u32.f32"),
  lt: one("pred", "setp.lt.f32"),
  le: one("pred", "setp.le.f32"),
  eq: one("pred", "setp.eq.f32"),
  and: one("pred", "and.pred"),
  not: one("pred", "not.pred"),
  wordAdd: one("b32", "add.u32"),
  wordSubtract: one("b32", "sub.u32"),
  wordMultiply: one("b32", "mul.lo.u32"),
  wordShift: one("b32", "shr.u32"),
  draw: writeDraw,
};

/** The same on words. */
const ofWords: Readonly<Partial<Record<ScalarOp, Written>>> = {
  lt: one("pred", "setp.lt.u32"),
  le: one("pred", "setp.le.u32"),
  eq: one("pred", "setp.eq.u32"),
  select: (text, condition, a, b) => text.into("b32", "selp.b32", a!, b!, condition!),
};

/** The same on booleans. */
const ofBooleans: Readonly<Partial<Record<ScalarOp, Written>>> = {
  eq: (text, a, b) => {
    const differ = text.into("pred", "xor.pred", a!, b!);
    return text.into("pred", "not.pred", differ);
  },
  select: (text, condition, a, b) => {
    const first = text.into("pred", "and.pred", condition!, a!);
    const otherwise = text.into("pred", "not.pred", condition!);
    return text.into("pred", "or.pred", first, text.into("pred", "and.pred", otherwise, b!));
  },
};

const byKind = { f32: written, u32: ofWords, bool: ofBooleans } as const;

/** How the leaves of an expression are read: each gives a register. */
export interface LeafRegisters {
  /** Element of an input, or of what an output held before. */
  readonly element: (operand: "input" | "old", slot: number, column: boolean) => string;
  /** An affine function of the coordinates. */
  readonly index: (slot: number, column: boolean) => string;
  /** A number given at the run. */
  readonly scalar: (slot: number, kind: Kind) => string;
  /** Length of the row, as a float. */
  readonly columns: () => string;
}

/** Registers of values that were computed; later scopes see those of earlier ones. */
export class Values {
  readonly #known: Map<Expr, string>;

  /** `outer` are the values known already. */
  constructor(outer?: Values) {
    this.#known = new Map(outer === undefined ? [] : outer.#known);
  }

  /** Register or immediate operand of a value. */
  of(e: Expr): string {
    const known = this.#known.get(e);
    if (known !== undefined) return known;
    if (e.op !== "constant") throw new TypeError(`Cannot use ${e.op} before it is computed`);
    return e.kind === "u32" ? String(e.attribute >>> 0) : floatText(e.attribute);
  }

  /** Says in which register a value lies. */
  set(e: Expr, register: string): void {
    this.#known.set(e, register);
  }

  /** Computes nodes, operands first; what is known or reduced is passed over. */
  compute(text: PtxText, nodes: readonly Expr[], leaves: LeafRegisters): void {
    for (const e of nodes) {
      if (e.op === "constant" || isReduction(e) || this.#known.has(e)) continue;
      this.set(e, this.#compute(text, e, leaves));
    }
  }

  #compute(text: PtxText, e: Expr, leaves: LeafRegisters): string {
    const column = variesByColumn(e);
    switch (e.op) {
      case "input":
      case "old":
        return leaves.element(e.op, e.attribute, column);
      case "index":
        return leaves.index(e.attribute, column);
      case "scalar":
        return leaves.scalar(e.attribute, e.kind);
      case "columns":
        return leaves.columns();
      case "constant":
      case "rowSum":
      case "rowMax":
        throw new TypeError(`Cannot write ${e.op} as an instruction`);
      default: {
        const operand = e.op === "select" ? e.args[1]! : e.args[0]!;
        const write = byKind[operand.kind][e.op] ?? written[e.op];
        return write(text, ...e.args.map((arg) => this.#register(text, arg)));
      }
    }
  }

  /** A register: some instructions take no immediate operands. */
  #register(text: PtxText, e: Expr): string {
    const value = this.of(e);
    if (value.startsWith("%")) return value;
    const register = e.kind === "u32"
      ? text.into("b32", "mov.u32", value)
      : text.into("f32", "mov.f32", value);
    return register;
  }
}
