/**
 * Joining what the invocations of a row have reduced: across subgroups where there are any, then
 * through workgroup memory, from which each invocation adds up all parts. The reductions of a pass
 * share a barrier, and each has places of its own, so that the next pass need not wait. Maxima are
 * found among integers of the same order, as compilers may assume that no float is infinite.
 *
 * @module
 */

import type { Expr } from "../../../core/expr.ts";
import { variableName } from "../expression.ts";
import { lowestOrder, order, ordered } from "../special.ts";
import type { RowShape } from "./row_shape.ts";
import { smallestSubgroup } from "./subgroups.ts";

/** Declares the partial value of a reduction. */
export function partial(e: Expr): string {
  return `var s${e.id} = ${identity(e)};`;
}

/** Adds an element to the partial value. */
export function takeReduced(e: Expr): string {
  return join(e, `s${e.id}`, variableName(e.args[0]!));
}

/** Joins the partial values of a pass; `before` is how many reductions earlier passes had. */
export function combine(reductions: readonly Expr[], shape: RowShape, before: number): string[] {
  const { kind, size, subgroups } = shape;
  const own = (e: Expr) => {
    const call = e.op === "rowSum" ? "subgroupAdd" : "subgroupMax";
    return valueOf(e, subgroups === undefined ? `s${e.id}` : `${call}(s${e.id})`);
  };
  if (kind !== "group") return reductions.map((e) => `let ${variableName(e)} = ${own(e)};`);
  const [first, part, parts] = subgroups === undefined
    ? ["true", "lid", `${size}u`]
    : ["place == 0u", "lid / width", `(${size - 1}u + width) / width`];
  const at = (k: number, i: string) => `lanes[${(before + k) * slotsOf(shape)}u + ${i}]`;
  return [
    ...reductions.map((e) => `let g${e.id} = ${own(e)};`),
    `if (${first}) {`,
    ...reductions.map((e, k) => `${at(k, part)} = g${e.id};`),
    "}",
    "workgroupBarrier();",
    ...reductions.map((e) => `var t${e.id} = ${identity(e)};`),
    `for (var i = 0u; i < ${parts}; i++) {`,
    ...reductions.map((e, k) => join(e, `t${e.id}`, at(k, "i"))),
    "}",
    ...reductions.map((e) => `let ${variableName(e)} = ${valueOf(e, `t${e.id}`)};`),
  ];
}

/** Workgroup memory that a number of reductions need. */
export function sharedMemory(reductions: number, shape: RowShape): string {
  if (shape.kind !== "group" || reductions === 0) return "";
  return `var<workgroup> lanes: array<f32, ${reductions * slotsOf(shape)}>;`;
}

function slotsOf({ size, subgroups }: RowShape): number {
  return subgroups === undefined ? size : size / smallestSubgroup;
}

function identity(e: Expr): string {
  return e.op === "rowSum" ? "0.0" : `${lowestOrder}`;
}

/** Joins a value to a partial one. */
function join(e: Expr, partial: string, value: string): string {
  return e.op === "rowSum"
    ? `${partial} = ${partial} + ${value};`
    : `${partial} = max(${partial}, ${order(value)});`;
}

/** The float that a partial value stands for. */
function valueOf(e: Expr, partial: string): string {
  return e.op === "rowSum" ? partial : ordered(partial);
}
