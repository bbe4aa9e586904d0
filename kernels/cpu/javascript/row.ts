/**
 * Renders a row program to a JavaScript loop nest over `rows x columns`.
 *
 * @module
 */

import { lowestFloat } from "../../../core/dtype.ts";
import { depth, type Expr } from "../../../core/expr.ts";
import type { RowProgram } from "../../../core/program.ts";
import { scalarRow } from "../../../core/scalar.ts";
import { type Motion, planRow, type RowPass, varies } from "../../plan/row_passes.ts";

/** Parts of the text, and how many scratch rows it uses. */
export interface Rendered {
  /** Body of `(rows, cols, arrays, offsets, rowSteps, columnSteps, scalars, scratch, draw, erf)`. */
  readonly text: string;
  /** Rows of scratch the text uses. */
  readonly scratch: number;
}

/** Operands in the order inputs, outputs, indices. */
export function renderRowLoop(program: RowProgram, motions: readonly Motion[]): Rendered {
  const { uniform, list, scratch } = planRow(program);
  const inputs = program.inputs.length;
  const indices = inputs + program.outputs.length;

  const at = (operand: number, column: boolean): string => {
    const motion = column ? motions[operand]! : "fixed";
    if (motion === "fixed") return `p${operand}`;
    return motion === "unit" ? `p${operand} + j` : `p${operand} + j * s${operand}`;
  };
  const name = (e: Expr): string => {
    if (e.op !== "constant") return `v${e.id}`;
    return e.attribute < 0 ? `(${e.attribute})` : `${e.attribute}`;
  };
  const text = (e: Expr): string => {
    switch (e.op) {
      case "input":
        return `a${e.attribute}[${at(e.attribute, varies(e))}]`;
      case "old":
        return `a${inputs + e.attribute}[${at(inputs + e.attribute, true)}]`;
      case "index":
        return at(indices + e.attribute, varies(e));
      case "scalar":
        return `scalars[${e.attribute}]`;
      case "columns":
        return "cols";
      default:
        return scalarRow(e.op).js(...e.args.map(name));
    }
  };

  const lines: string[] = [];
  const declare = (e: Expr) => lines.push(`const ${name(e)} = ${text(e)};`);
  const operands = motions.map((_, k) => k);
  for (const k of operands) {
    lines.push(
      `const s${k} = columnSteps[${k}], r${k} = rowSteps[${k}]; let p${k} = offsets[${k}];`,
    );
    if (k < indices) lines.push(`const a${k} = arrays[${k}];`);
  }
  scratch.forEach((slot) => lines.push(`const t${slot} = scratch[${slot}];`));
  uniform.forEach(declare);
  lines.push("for (let i = 0; i < rows; i++) {");
  list.forEach(renderPass);
  program.outputs.forEach((e, k) => {
    if (!varies(e)) lines.push(`a${inputs + k}[p${inputs + k}] = ${name(e)};`);
  });
  lines.push(...operands.map((k) => `p${k} += r${k};`), "}");
  return { text: lines.join("\n"), scratch: scratch.size };

  function renderPass({ row, columns, reductions, stored }: RowPass, pass: number): void {
    row.forEach(declare);
    if (reductions.length + stored.length === 0) return;
    for (const e of reductions) {
      lines.push(`let ${name(e)} = ${e.op === "rowSum" ? 0 : lowestFloat};`);
    }
    lines.push("for (let j = 0; j < cols; j++) {");
    for (const e of columns) {
      const slot = scratch.get(e);
      if (slot !== undefined && depth(e) < pass) {
        lines.push(`const ${name(e)} = t${slot}[j]${e.kind === "bool" ? " !== 0" : ""};`);
        continue;
      }
      if (e.op !== "constant") declare(e);
      if (slot !== undefined) {
        lines.push(`t${slot}[j] = ${name(e)}${e.kind === "bool" ? " ? 1 : 0" : ""};`);
      }
    }
    for (const e of reductions) {
      const x = name(e.args[0]!);
      lines.push(
        e.op === "rowSum" ? `${name(e)} += ${x};` : `if (${x} > ${name(e)}) ${name(e)} = ${x};`,
      );
    }
    for (const k of stored) {
      lines.push(`a${inputs + k}[${at(inputs + k, true)}] = ${name(program.outputs[k]!)};`);
    }
    lines.push("}");
  }
}
