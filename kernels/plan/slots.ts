/**
 * The numbers and coordinates that a program is given at each run: how many places they need.
 *
 * @module
 */

import { type Expr, topological } from "../../core/expr.ts";

/** Places that leaves of one kind need: the highest slot among the nodes, plus one. */
export function slotsUsed(nodes: readonly Expr[], leaf: "scalar" | "index"): number {
  return nodes.reduce((n, { op, attribute }) => op === leaf ? Math.max(n, attribute + 1) : n, 0);
}

/** Kinds of the scalars and number of the indices that a program reads. */
export function slotsOf(program: { readonly outputs: Parameters<typeof topological>[0] }) {
  const nodes = topological(program.outputs);
  const scalars = new Array<string>(slotsUsed(nodes, "scalar")).fill("u32");
  for (const e of nodes) if (e.op === "scalar") scalars[e.attribute] = e.kind;
  return { scalars, indices: slotsUsed(nodes, "index") };
}
