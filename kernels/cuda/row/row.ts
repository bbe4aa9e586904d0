/**
 * Renders row programs to PTX: maps as one thread an element or a unit of them, programs with
 * reductions as one thread, one warp or one block a row.
 *
 * @module
 */

import { variesByColumn } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { planRow, type RowPass } from "../../plan/row_passes.ts";
import { Values } from "../ptx/expression.ts";
import { loadRun, storeRun } from "../ptx/memory.ts";
import { type PtxProgram, PtxText } from "../ptx/text.ts";
import { RowAccess } from "./row_access.ts";
import { joinAcross, joinInto, neutral } from "./row_reduction.ts";
import { type RowSpread, warp } from "./row_shape.ts";

/** Renders a program. */
export function renderRow(program: RowProgram, shape: RowSpread): PtxProgram {
  return new RowWriter(program, shape).render();
}

class RowWriter {
  readonly #text = new PtxText();
  readonly #operands: RowAccess;
  readonly #values = new Values();

  constructor(readonly program: RowProgram, readonly shape: RowSpread) {
    this.#operands = new RowAccess(this.#text, program, shape);
  }

  render(): PtxProgram {
    const text = this.#text;
    const end = text.label();
    const operands = this.#operands;
    operands.find(end);
    const plan = planRow(this.program);
    this.#values.compute(text, plan.uniform, this.#operands.leaves(0));
    let combined = 0;
    for (const pass of plan.list) {
      this.#values.compute(text, pass.row, this.#operands.leaves(0));
      if (this.#operands.isMap) this.#columns(pass);
      else if (pass.reductions.length + pass.stored.length > 0) {
        this.#loop(pass);
        joinAcross(text, this.#values, pass.reductions, { ...this.#group(), before: combined });
        combined += pass.reductions.length;
      }
    }
    if (!this.#operands.isMap) this.#storeRows(end);
    text.place(end);
    return text.program(this.shape.threads);
  }

  #group() {
    return { kind: this.shape.kind, threads: this.shape.threads, lane: this.#operands.lane };
  }

  /** One pass over the columns of the row. */
  #loop(pass: RowPass): void {
    const { unit, ragged } = this.shape;
    const text = this.#text;
    for (const e of pass.reductions) {
      this.#values.set(e, text.into("f32", "mov.f32", neutral(e)));
    }
    const columns = this.#operands.columns();
    if (!ragged) return this.#steps(pass, undefined, columns);
    const whole = text.into("b32", "and.b32", columns, -unit >>> 0);
    this.#steps(pass, undefined, whole);
    this.#operands.unit = 1;
    this.#steps(pass, whole, columns);
    this.#operands.unit = unit;
  }

  /** Goes over the columns from `first`, or from the beginning, to `end` in units. */
  #steps(pass: RowPass, first: string | undefined, end: string): void {
    const { kind, threads } = this.shape;
    const text = this.#text;
    const { unit, lane } = this.#operands;
    const [again, done] = [text.label(), text.label()];
    const start = first ?? "0";
    const j = kind === "serial"
      ? text.into("b32", "mov.u32", start)
      : text.into("b32", "mad.lo.u32", lane, unit, start);
    text.place(again);
    const beyond = text.into("pred", "setp.ge.u32", j, end);
    text.add(`@${beyond} bra ${done}`);
    this.#operands.column = j;
    this.#columns(pass);
    const lanes = kind === "serial" ? 1 : kind === "warp" ? warp : threads;
    text.add(`add.u32 ${j}, ${j}, ${lanes * unit}`);
    text.add(`bra ${again}`);
    text.place(done);
  }

  /** The columns at hand: computes what is stored and what is reduced. */
  #columns({ columns, stored, reductions }: RowPass): void {
    const { program: { inputs, outputs }, shape: { wide } } = this;
    const text = this.#text;
    const operandOf = (k: number) => inputs.length + k;
    this.#operands.vectors.clear();
    for (const { op, attribute } of columns.filter(variesByColumn)) {
      const k = op === "input" ? attribute : op === "old" ? operandOf(attribute) : undefined;
      if (k !== undefined && wide[k]) this.#operands.vectors.set(k, this.#loadUnit(k));
    }
    const results: string[][] = stored.map(() => []);
    for (let c = 0; c < this.#operands.unit; c++) {
      const values = new Values(this.#values);
      values.compute(text, columns, this.#operands.leaves(c));
      for (const e of reductions) {
        joinInto(text, e, this.#values.of(e), values.of(e.args[0]!));
      }
      stored.forEach((k, i) => {
        results[i]!.push(values.of(outputs[k]!));
        if (!wide[operandOf(k)]) {
          this.#store(operandOf(k), this.#operands.address(operandOf(k), true, c), [
            results[i]!.at(-1)!,
          ]);
        }
      });
    }
    stored.forEach((k, i) => {
      const operand = operandOf(k);
      if (wide[operand]) {
        this.#store(operand, this.#operands.address(operand, true, 0), results[i]!);
      }
    });
  }

  #loadUnit(operand: number): readonly string[] {
    const operands = this.#operands;
    const address = operands.address(operand, true, 0);
    return loadRun(this.#text, operands.dtype(operand), address, operands.unit);
  }

  #store(operand: number, address: string, values: readonly string[]): void {
    storeRun(this.#text, this.#operands.dtype(operand), address, values);
  }

  /** Stores what is one value a row. */
  #storeRows(end: string): void {
    const { program: { inputs, outputs }, shape: { kind } } = this;
    const text = this.#text;
    const rows = outputs.flatMap((e, k) =>
      variesByColumn(e) ? [] : [[e, inputs.length + k] as const]
    );
    if (rows.length === 0) return;
    if (kind !== "serial") {
      const other = text.into("pred", "setp.ne.u32", this.#operands.lane, 0);
      text.add(`@${other} bra ${end}`);
    }
    for (const [e, operand] of rows) {
      this.#store(operand, this.#operands.address(operand, false, 0), [this.#values.of(e)]);
    }
  }
}
