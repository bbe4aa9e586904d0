/**
 * Reverse-mode differentiation of scalar expressions, reductions included. The result is again an
 * expression, so derivatives of any order come from the same few lines.
 *
 * @module
 */

import { GradientError } from "./errors.ts";
import { type Expr, type Float, isReduction, rowSum, topological, variesByColumn } from "./expr.ts";
import { scalarRow } from "./scalar.ts";

/**
 * Derivative of Σ cotangent · output with respect to each wanted leaf, summed along the row where
 * the leaf does not vary along it. Leaves that the outputs do not depend on give `undefined`.
 *
 * @throws {GradientError} If a derivative flows into `rowMax`, which has none without `stop`
 */
export function derive(
  outputs: readonly Float[],
  cotangents: readonly (Float | undefined)[],
  wanted: readonly Expr[],
): (Float | undefined)[] {
  const adjoint = new Map<Expr, Float>();
  const contribute = (to: Expr, g: Float): void => {
    const fitted = !variesByColumn(to) && variesByColumn(g) ? rowSum(g) : g;
    const before = adjoint.get(to);
    adjoint.set(to, before === undefined ? fitted : before.add(fitted));
  };
  outputs.forEach((output, i) => {
    const g = cotangents[i];
    if (g !== undefined) contribute(output, g);
  });
  const relevant = reaching(outputs, wanted);
  for (const n of topological(outputs).reverse()) {
    const g = adjoint.get(n);
    if (g === undefined || !relevant.has(n) || n.args.length === 0) continue;
    if (n.op === "rowMax") {
      throw new GradientError("Cannot differentiate rowMax: wrap it in stop or use another form");
    }
    if (isReduction(n)) {
      contribute(n.args[0]!, g);
      continue;
    }
    scalarRow(n.op)?.derivative?.(g, n.args as readonly Float[], n as Float).forEach((d, i) => {
      const arg = n.args[i]!;
      if (d !== undefined && relevant.has(arg)) contribute(arg, d);
    });
  }
  return wanted.map((leaf) => adjoint.get(leaf));
}

/** Nodes through which a derivative can reach a wanted leaf. */
function reaching(outputs: readonly Expr[], wanted: readonly Expr[]): Set<Expr> {
  const found = new Set<Expr>(wanted);
  for (const n of topological(outputs)) {
    if (n.op !== "stop" && n.kind === "f32" && n.args.some((arg) => found.has(arg))) found.add(n);
  }
  return found;
}
