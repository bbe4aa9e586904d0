/**
 * Renders a row program to a JavaScript loop nest over `rows x columns`.
 *
 * @module
 */

import { depth, type Expr, variesByColumn } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { javaScriptText } from "./expression.ts";
import {
  type Motion,
  planWithScratch,
  type RowPass,
  type ScratchPlan,
} from "../../plan/row_passes.ts";

/** Parts of the text, and how many scratch rows it uses. */
export interface Rendered {
  /** Body of `(rows, cols, arrays, offsets, rowSteps, columnSteps, scalars, scratch, draw, erf)`. */
  readonly text: string;
  /** Rows of scratch the text uses. */
  readonly scratch: number;
}

/** Operands in the order inputs, outputs, indices. */
export function renderRowLoop(program: RowProgram, motions: readonly Motion[]): Rendered {
  return new RowLoop(program, motions).render();
}

/** The text of one program over operands of some motions. */
class RowLoop {
  readonly #plan: ScratchPlan;
  readonly #lines: string[] = [];

  constructor(readonly program: RowProgram, readonly motions: readonly Motion[]) {
    this.#plan = planWithScratch(program);
  }

  /** Number of the operands in memory; those after them are indices. */
  get #firstIndex(): number {
    return this.program.inputs.length + this.program.outputs.length;
  }

  render(): Rendered {
    const { program: { inputs, outputs } } = this;
    const { uniform, list, scratch } = this.#plan;
    const lines = this.#lines;
    const operands = this.motions.map((_, k) => k);
    for (const k of operands) {
      lines.push(
        `const s${k} = columnSteps[${k}], r${k} = rowSteps[${k}]; let p${k} = offsets[${k}];`,
      );
      if (k < this.#firstIndex) lines.push(`const a${k} = arrays[${k}];`);
    }
    scratch.forEach((slot) => lines.push(`const t${slot} = scratch[${slot}];`));
    uniform.forEach((e) => this.#declare(e));
    lines.push("for (let i = 0; i < rows; i++) {");
    list.forEach((pass, index) => this.#pass(pass, index));
    outputs.forEach((e, k) => {
      if (!variesByColumn(e)) {
        lines.push(`a${inputs.length + k}[p${inputs.length + k}] = ${name(e)};`);
      }
    });
    lines.push(...operands.map((k) => `p${k} += r${k};`), "}");
    return { text: lines.join("\n"), scratch: scratch.size };
  }

  /** Index of an operand's element. */
  #at(operand: number, column: boolean): string {
    const motion = column ? this.motions[operand]! : "fixed";
    if (motion === "fixed") return `p${operand}`;
    return motion === "unit" ? `p${operand} + j` : `p${operand} + j * s${operand}`;
  }

  #textOf(e: Expr): string {
    const inputs = this.program.inputs.length;
    switch (e.op) {
      case "input":
        return `a${e.attribute}[${this.#at(e.attribute, variesByColumn(e))}]`;
      case "old":
        return `a${inputs + e.attribute}[${this.#at(inputs + e.attribute, true)}]`;
      case "index":
        return this.#at(this.#firstIndex + e.attribute, variesByColumn(e));
      case "scalar":
        return `scalars[${e.attribute}]`;
      case "columns":
        return "cols";
      case "constant":
        return name(e);
      case "rowSum":
      case "rowMax":
        throw new TypeError(`Cannot render ${e.op} as a value of its own`);
      default:
        return javaScriptText[e.op](...e.args.map(name));
    }
  }

  #declare(e: Expr): void {
    this.#lines.push(`const ${name(e)} = ${this.#textOf(e)};`);
  }

  #pass({ row, columns, reductions, stored }: RowPass, pass: number): void {
    const { inputs, outputs } = this.program;
    const lines = this.#lines;
    row.forEach((e) => this.#declare(e));
    if (reductions.length + stored.length === 0) return;
    for (const e of reductions) {
      lines.push(`let ${name(e)} = ${e.op === "rowSum" ? "0" : "-Infinity"};`);
    }
    lines.push("for (let j = 0; j < cols; j++) {");
    for (const e of columns) this.#column(e, pass);
    for (const e of reductions) {
      const x = name(e.args[0]!);
      lines.push(
        e.op === "rowSum" ? `${name(e)} += ${x};` : `if (${x} > ${name(e)}) ${name(e)} = ${x};`,
      );
    }
    for (const k of stored) {
      const operand = inputs.length + k;
      lines.push(`a${operand}[${this.#at(operand, true)}] = ${name(outputs[k]!)};`);
    }
    lines.push("}");
  }

  /** A node of an element: computed, or loaded from the scratch where an earlier pass stored it. */
  #column(e: Expr, pass: number): void {
    const slot = this.#plan.scratch.get(e);
    if (slot !== undefined && depth(e) < pass) {
      this.#lines.push(`const ${name(e)} = t${slot}[j]${e.kind === "bool" ? " !== 0" : ""};`);
      return;
    }
    if (e.op !== "constant") this.#declare(e);
    if (slot !== undefined) {
      this.#lines.push(`t${slot}[j] = ${name(e)}${e.kind === "bool" ? " ? 1 : 0" : ""};`);
    }
  }
}

function name(e: Expr): string {
  if (e.op !== "constant") return `v${e.id}`;
  return e.attribute < 0 ? `(${e.attribute})` : `${e.attribute}`;
}
