/**
 * Row programs over more tensors than the adapter binds at once: each output by itself, from parts
 * that are computed first where it reads too many.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import {
  type Expr,
  input,
  type Level,
  substitute,
  topological,
  variesByColumn,
} from "../../../core/expr.ts";
import { type RowProgram, rowProgram } from "../../../core/program.ts";
import type { GpuBuffer, Pool } from "../memory/buffer_pool.ts";

/** A program with one output: one of those asked for, or a part that later steps read. */
export interface Step {
  /** Its inputs are all of the original's, then the parts made so far. */
  readonly program: RowProgram;
  /** Output of the original that it stores; undefined for a part. */
  readonly output: number | undefined;
}

/** Tensors that an expression reads. */
function readsOf(e: Expr): number {
  const slots = topological([e]).filter(({ op }) => op === "input").map((n) => n.attribute);
  return new Set(slots).size;
}

/** The part that reads most, but fits; parts are numbers of rows or of elements. */
function largestPart(e: Expr, most: number): Expr | undefined {
  let found: Expr | undefined;
  for (const n of topological([e])) {
    const reads = n === e || n.kind === "bool" || n.level === 0 ? 0 : readsOf(n);
    if (reads > 1 && reads < most && reads >= (found ? readsOf(found) : 0)) found = n;
  }
  return found;
}

/**
 * The steps of a program, each of which binds at most `most` tensors.
 *
 * @returns Nothing where an output is updated in place, or cannot be taken apart
 */
export function stepsOf({ inputs, outputs }: RowProgram, most: number): Step[] | undefined {
  if (topological(outputs).some(({ op }) => op === "old")) return undefined;
  const kinds = [...inputs];
  const steps: Step[] = [];
  for (const [output, whole] of outputs.entries()) {
    let e = whole;
    while (readsOf(e) >= most) {
      const part = largestPart(e, most);
      if (part === undefined) return undefined;
      steps.push({ program: rowProgram([...kinds], [part]), output: undefined });
      const kind = part.kind as "f32" | "u32";
      const rest = substitute(e, new Map([[part, input(kinds.length, kind, part.level as Level)]]));
      kinds.push(kind);
      if (readsOf(rest) >= readsOf(e)) return undefined;
      e = rest;
    }
    steps.push({ program: rowProgram([...kinds], [e]), output });
  }
  return steps;
}

/** Runs the steps in order; `run` runs one of them. */
export function runSteps(
  steps: readonly Step[],
  binding: Binding,
  pool: Pool,
  run: (program: RowProgram, binding: Binding) => void,
): void {
  const { space } = binding;
  const inputs = [...binding.inputs];
  const made: GpuBuffer[] = [];
  for (const { program, output } of steps) {
    if (output !== undefined) {
      run(program, { ...binding, inputs, outputs: [binding.outputs[output]!] });
      continue;
    }
    const [e] = program.outputs as readonly [Expr];
    const sizes = space.map((size, axis) =>
      axis < space.length - 1 || variesByColumn(e) ? size : 1
    );
    const buffer = pool.take(4 * sizes.reduce((a, b) => a * b, 1), sizes);
    made.push(buffer);
    const strides = sizes.map((size, axis) =>
      size === 1 ? 0 : sizes.slice(axis + 1).reduce((a, b) => a * b, 1)
    );
    const part: Bound = { buffer, dtype: e.kind === "u32" ? "u32" : "f32", offset: 0, strides };
    run(program, { ...binding, inputs, outputs: [part] });
    inputs.push(part);
  }
  for (const buffer of made) pool.give(buffer);
}
