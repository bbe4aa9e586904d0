/**
 * How a row program runs: one pass over the columns for each reduction depth. Where passes follow one
 * another on one thread, values that are dear and needed again go to a scratch row. Not here: any
 * language.
 *
 * @module
 */

import { depth, type Expr, isReduction, topological, variesByColumn } from "../../core/expr.ts";
import type { RowProgram } from "../../core/program.ts";
import { scalarRow } from "../../core/scalar.ts";

/** One pass over the columns of a row. */
export interface RowPass {
  /** Nodes of the row to compute before it, operands first. */
  readonly row: readonly Expr[];
  /** Nodes of each element, operands first. */
  readonly columns: readonly Expr[];
  /** Reductions whose value is known after it. */
  readonly reductions: readonly Expr[];
  /** Output slots it stores. */
  readonly stored: readonly number[];
}

/** All passes of a program. */
export interface RowPlan {
  /** Nodes that no coordinate changes, operands first. */
  readonly uniform: readonly Expr[];
  /** Passes, each over all columns, in the order they run. */
  readonly list: readonly RowPass[];
}

/** Passes that hand on what was dear to compute. */
export interface ScratchPlan extends RowPlan {
  /** Row of scratch of each node that has one. */
  readonly scratch: ReadonlyMap<Expr, number>;
}

/** How an operand moves along a row: not at all, to the next element, or by a step of the run. */
export type Motion = "fixed" | "unit" | "step";

/** The motion of a step, in elements. */
export function motionOf(step: number): Motion {
  return step === 0 ? "fixed" : step === 1 ? "unit" : "step";
}

/** Plans a program whose passes compute all that they need. */
export function planRow(program: RowProgram): RowPlan {
  const nodes = topological(program.outputs);
  const count = Math.max(...program.outputs.map(depth)) + 1;
  return {
    uniform: nodes.filter((e) => e.level === 0 && e.op !== "constant"),
    list: Array.from({ length: count }, (_, pass) => {
      const reductions = nodes.filter((e) => isReduction(e) && depth(e) === pass + 1);
      const stored = program.outputs.flatMap((e, k) =>
        variesByColumn(e) && depth(e) === pass ? [k] : []
      );
      const row = nodes.filter((e) => e.level === 1 && !isReduction(e) && depth(e) === pass);
      const columns = columnNodes(program, { reductions, stored });
      return { row, columns, reductions, stored };
    }),
  };
}

/** Plans a program whose passes keep what is dear and needed again in rows of scratch. */
export function planWithScratch(program: RowProgram): ScratchPlan {
  const { uniform, list } = planRow(program);
  const scratch = new Map<Expr, number>();
  for (const e of topological(program.outputs)) {
    const uses = list.filter(({ columns }) => columns.includes(e)).length;
    // The pass of a node's own depth must be the first that meets it, or it is not yet stored.
    if (scalarRow(e.op)?.costly && uses > 1 && list[depth(e)]!.columns.includes(e)) {
      scratch.set(e, scratch.size);
    }
  }
  return {
    uniform,
    list: list.map((pass, index) => {
      const loaded = (e: Expr) => scratch.has(e) && depth(e) < index;
      return { ...pass, columns: columnNodes(program, pass, loaded) };
    }),
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
  const lone = (e: Expr) => e.op === "mul" && variesByColumn(e) && uses.get(e) === 1;
  const summed = nodes.flatMap(({ op, args }) => op === "rowSum" ? args : []);
  return new Set(summed.filter(lone));
}

/** Nodes of each element in a pass, operands first; those that are loaded need no operands. */
function columnNodes(
  { outputs }: RowProgram,
  { reductions, stored }: Pick<RowPass, "reductions" | "stored">,
  loaded: (e: Expr) => boolean = () => false,
): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (!variesByColumn(e) || seen.has(e)) return;
    seen.add(e);
    if (!loaded(e)) e.args.forEach(visit);
    order.push(e);
  };
  for (const e of reductions) visit(e.args[0]!);
  for (const k of stored) visit(outputs[k]!);
  return order;
}
