/**
 * The space that a row program walks over, and how its operands move along it.
 *
 * @module
 */

import type { Affine } from "../../core/backend.ts";
import { topological, variesByColumn, variesByRow } from "../../core/expr.ts";
import { readsRow, type RowProgram } from "../../core/program.ts";
import { coalesce, type Walk } from "./coalesce.ts";

/** The space of a program, simplified; a map needs no row axis. */
export function walkOf(
  program: RowProgram,
  space: readonly number[],
  operands: readonly Affine[],
): Walk {
  const keep = readsRow(program);
  const strides = operands.map((o) => o.strides);
  const walk = coalesce(space.length > 0 ? space : [1], strides, keep);
  if (!keep && walk.space[0] === 1) {
    for (const axes of [walk.space, ...walk.strides]) {
      axes.shift();
    }
  }
  return walk;
}

/**
 * Whether a loop over columns must leave the last axis alone: its length has a meaning, or what varies
 * by row alone would be met by column, where an axis of one column disappears.
 */
export function keepsColumns(program: RowProgram, space: readonly number[]): boolean {
  if (readsRow(program)) return true;
  if (space.at(-1) !== 1) return false;
  let known = byRowAlone.get(program);
  if (known === undefined) {
    known = topological(program.outputs).some((e) => variesByRow(e) && !variesByColumn(e));
    byRowAlone.set(program, known);
  }
  return known;
}
const byRowAlone = new WeakMap<RowProgram, boolean>();

/** Whether a program meets an input or output by column alone. */
export function variesAlong({ inputs, outputs }: RowProgram, operand: number): boolean {
  const output = outputs[operand - inputs.length];
  if (output !== undefined) return variesByColumn(output);
  const reads = topological(outputs).filter((e) => e.op === "input" && e.attribute === operand);
  return reads.length > 0 && reads.every(variesByColumn);
}
