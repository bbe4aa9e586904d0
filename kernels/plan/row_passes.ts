/**
 * How a row program runs: one pass over the columns for each reduction depth. Values that are dear
 * and needed in several passes go to a scratch row. Not here: any language.
 *
 * @module
 */

import { depth, type Expr, isReduction, topological } from "../../core/expr.ts";
import type { RowProgram } from "../../core/program.ts";
import { scalarRow } from "../../core/scalar.ts";

/** One pass over the columns of a row. */
export interface RowPass {
  /** Nodes of the row to compute before it, operands first. */
  readonly row: readonly Expr[];
  /** Nodes of each element, operands first. */
  readonly columns: readonly Expr[];
  /** Reductions it completes. */
  readonly reductions: readonly Expr[];
  /** Output slots it stores. */
  readonly stored: readonly number[];
}

/** All passes of a program. */
export interface RowPlan {
  /** Nodes that no coordinate changes, operands first. */
  readonly uniform: readonly Expr[];
  /** In order. */
  readonly list: readonly RowPass[];
  /** Row of scratch of each node that has one. */
  readonly scratch: ReadonlyMap<Expr, number>;
}

/** How an operand moves along a row: not at all, to the next element, or by a step of the run. */
export type Motion = "fixed" | "unit" | "step";

/** The motion of a step, in elements. */
export function motionOf(step: number): Motion {
  return step === 0 ? "fixed" : step === 1 ? "unit" : "step";
}

/** Whether a value varies from column to column. */
export function varies(e: Expr): boolean {
  return (e.level & 2) !== 0;
}

/** Plans a program. */
export function planRow(program: RowProgram): RowPlan {
  const nodes = topological(program.outputs);
  const count = Math.max(...program.outputs.map(depth)) + 1;
  const parts = Array.from({ length: count }, (_, pass) => {
    const reductions = nodes.filter((e) => isReduction(e) && depth(e) === pass + 1);
    const stored = program.outputs.flatMap((e, k) => varies(e) && depth(e) === pass ? [k] : []);
    const roots = [...reductions.map((e) => e.args[0]!), ...stored.map((k) => program.outputs[k]!)];
    const row = nodes.filter((e) => e.level === 1 && !isReduction(e) && depth(e) === pass);
    return { row, reductions, stored, roots };
  });
  const computed = parts.map(({ roots }, pass) => columnNodes(roots, new Map(), pass));
  const scratch = new Map<Expr, number>();
  for (const e of nodes) {
    const costly = scalarRow(e.op)?.costly;
    const uses = computed.filter((columns) => columns.includes(e)).length;
    // The pass of a node's own depth must be the first that meets it, or it is not yet stored.
    if (costly && uses > 1 && computed[depth(e)]!.includes(e)) scratch.set(e, scratch.size);
  }
  return {
    uniform: nodes.filter((e) => e.level === 0 && e.op !== "constant"),
    list: parts.map(({ roots, ...pass }, index) => ({
      ...pass,
      columns: columnNodes(roots, scratch, index),
    })),
    scratch,
  };
}

/** Products whose only use is to be summed along the row: a multiply-add does both. */
export function loneProducts(program: RowProgram): Set<Expr> {
  const nodes = topological(program.outputs);
  const uses = new Map<Expr, number>();
  for (const e of [...nodes.flatMap(({ args }) => args), ...program.outputs]) {
    uses.set(e, (uses.get(e) ?? 0) + 1);
  }
  const lone = (e: Expr) => e.op === "mul" && varies(e) && uses.get(e) === 1;
  const summed = nodes.flatMap(({ op, args }) => op === "rowSum" ? args : []);
  return new Set(summed.filter(lone));
}

/** Nodes to compute in a pass, operands first; what an earlier pass stored is a leaf. */
function columnNodes(roots: readonly Expr[], scratch: ReadonlyMap<Expr, number>, pass: number) {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (!varies(e) || seen.has(e)) return;
    seen.add(e);
    const loaded = scratch.has(e) && depth(e) < pass;
    if (!loaded) e.args.forEach(visit);
    order.push(e);
  };
  roots.forEach(visit);
  return order;
}
