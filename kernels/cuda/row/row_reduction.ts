/**
 * Joining what the threads of a row have reduced: across warps by shuffles, then through shared
 * memory. The order is fixed, so that a sum has the same bits every time.
 *
 * @module
 */

import type { Expr } from "../../../core/expr.ts";
import type { Values } from "../ptx/expression.ts";
import { floatText, type PtxText } from "../ptx/text.ts";
import { type RowSpread, warp } from "./row_shape.ts";

/** Text of what leaves a reduction as it is. */
export function neutral(e: Expr): string {
  return e.op === "rowSum" ? floatText(0) : floatText(-Infinity);
}

/** Joins a value to the partial one in a register. */
export function joinInto(text: PtxText, e: Expr, partial: string, value: string): void {
  text.add(`${e.op === "rowSum" ? "add.rn" : "max"}.f32 ${partial}, ${partial}, ${value}`);
}

/** Who shares a row. */
export interface RowGroup {
  /** One thread, a warp or a block. */
  readonly kind: RowSpread["kind"];
  /** Threads of a block. */
  readonly threads: number;
  /** Register of the thread's number in its group. */
  readonly lane: string;
  /** Reductions that earlier passes had. */
  readonly before: number;
}

/** Joins the partial values of a pass; every thread then has the whole. */
export function joinAcross(
  text: PtxText,
  values: Values,
  reductions: readonly Expr[],
  { kind, threads, lane, before }: RowGroup,
): void {
  if (kind === "serial" || reductions.length === 0) return;
  for (const e of reductions) acrossWarp(text, e, values.of(e), warp);
  const warps = threads / warp;
  if (kind === "warp" || warps === 1) return;
  // Each reduction has places of its own, so that the next pass need not wait.
  const own = reductions.map((_, k) => text.shared(`parts${before + k}`, warps));
  const [place, number] = [
    text.into("b32", "and.b32", lane, warp - 1),
    text.into("b32", "shr.u32", lane, 5),
  ];
  const notFirst = text.into("pred", "setp.ne.u32", place, 0);
  reductions.forEach((e, k) => {
    const address = text.into("b32", "mad.lo.u32", number, 4, own[k]!);
    text.add(`@!${notFirst} st.shared.f32 [${address}], ${values.of(e)}`);
  });
  text.add("bar.sync 0");
  // Lanes beyond the last warp take the same values again, so that all end with the whole.
  const most = 2 ** Math.ceil(Math.log2(warps));
  const part = text.into("b32", "and.b32", lane, most - 1);
  const beyond = text.into("pred", "setp.ge.u32", part, warps);
  reductions.forEach((e, k) => {
    const partial = values.of(e);
    const address = text.into("b32", "mad.lo.u32", part, 4, own[k]!);
    text.add(`mov.f32 ${partial}, ${neutral(e)}`);
    text.add(`@!${beyond} ld.shared.f32 ${partial}, [${address}]`);
    acrossWarp(text, e, partial, most);
  });
}

/** Joins the values of neighbouring lanes, of which there are a power of two. */
function acrossWarp(text: PtxText, e: Expr, partial: string, lanes: number): void {
  const other = text.register("f32");
  for (let step = lanes / 2; step >= 1; step /= 2) {
    text.add(`shfl.sync.bfly.b32 ${other}, ${partial}, ${step}, 31, 0xffffffff`);
    joinInto(text, e, partial, other);
  }
}
