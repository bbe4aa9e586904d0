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
import type { Pool } from "../memory/buffer_pool.ts";

/** A program with one output: one of those asked for, or a part that later steps read. */
export interface RowStep {
  /** Its inputs are all of the original's, then the parts made so far. */
  readonly program: RowProgram;
  /** Output of the original that it stores; undefined for a part. */
  readonly output: number | undefined;
}

/** Nodes that were computed by earlier steps, and the inputs that stand for them. */
type Made = Map<Expr, Expr>;

/** Number of tensors that an expression reads. */
function readsOf(e: Expr, made: Made): number {
  const slots = new Set<number>();
  const seen = new Set<Expr>();
  const visit = (n: Expr): void => {
    if (seen.has(n)) return;
    seen.add(n);
    const leaf = made.get(n) ?? n;
    if (leaf.op === "input") slots.add(leaf.attribute);
    else leaf.args.forEach(visit);
  };
  visit(e);
  return slots.size;
}

/** The nearest nodes below that are numbers: what is true or false has no memory. */
function operandsOf({ args }: Expr): Expr[] {
  return args.flatMap((arg) => arg.kind === "bool" ? operandsOf(arg) : [arg]);
}

/**
 * The steps of a program, each of which binds at most `most` tensors.
 *
 * @returns Nothing where an output is updated in place, or cannot be taken apart
 */
export function rowSteps({ inputs, outputs }: RowProgram, most: number): RowStep[] | undefined {
  const nodes = topological(outputs);
  if (nodes.some(({ op }) => op === "old")) return undefined;
  const kinds = [...inputs];
  const made: Made = new Map();
  const steps: RowStep[] = [];
  const store = (e: Expr, output?: number) =>
    steps.push({ program: rowProgram([...kinds], [substitute(e, made)]), output });
  // What a node reads is bounded by what its operands read, which come before it.
  for (const node of nodes) {
    while (readsOf(node, made) >= most) {
      const parts = operandsOf(node).filter((e) => e.level !== 0 && readsOf(e, made) > 1);
      if (parts.length === 0) return undefined;
      const part = parts.reduce((a, b) => readsOf(a, made) >= readsOf(b, made) ? a : b);
      store(part);
      made.set(part, input(kinds.length, part.kind as "f32" | "u32", part.level as Level));
      kinds.push(part.kind);
    }
  }
  for (const [output, e] of outputs.entries()) store(e, output);
  return steps;
}

/** Runs the steps in order; `run` runs one of them. */
export function runSteps(
  steps: readonly RowStep[],
  binding: Binding,
  pool: Pool,
  run: (program: RowProgram, binding: Binding) => void,
): void {
  const { space } = binding;
  const inputs = [...binding.inputs];
  pool.lending((take) => {
    for (const { program, output } of steps) {
      if (output !== undefined) {
        run(program, { ...binding, inputs, outputs: [binding.outputs[output]!] });
        continue;
      }
      const [e] = program.outputs as readonly [Expr];
      const sizes = space.map((size, axis) =>
        axis < space.length - 1 || variesByColumn(e) ? size : 1
      );
      const buffer = take(4 * sizes.reduce((a, b) => a * b, 1), sizes);
      const strides = sizes.map((size, axis) =>
        size === 1 ? 0 : sizes.slice(axis + 1).reduce((a, b) => a * b, 1)
      );
      const part: Bound = { buffer, dtype: e.kind === "u32" ? "u32" : "f32", offset: 0, strides };
      run(program, { ...binding, inputs, outputs: [part] });
      inputs.push(part);
    }
  });
}
