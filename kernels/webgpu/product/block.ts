/**
 * How an invocation reads A and B: in blocks of four outer by four inner elements, which it holds as
 * four vectors along the outer axis, one for each inner index.
 *
 * @module
 */

import type { Dtype } from "../../../core/dtype.ts";
import { type Access, gathered } from "./operand_layout.ts";

/** Text of an operand's step along an axis. */
export type ElementText = (operand: number, axis: number) => string;

/** A block of an operand. */
export interface Block {
  /** Suffix of its variables. */
  readonly id: string;
  /** 0 for A, 1 for B. */
  readonly operand: 0 | 1;
  /** How the operand is read. */
  readonly access: Access;
  /** WGSL type of one element. */
  readonly dtype: Dtype;
  /** Whether the inner axis ends with a whole tile, so that no block reaches beyond it. */
  readonly even: boolean;
}

const four = [0, 1, 2, 3] as const;

/**
 * Where a block lies, and its registers. What lies beyond the outer axis repeats its end: those
 * results are never stored.
 *
 * @param outer Text of its first outer index
 * @param limit Text of the size of the outer axis
 * @param axes Number of the operand's outer and inner axis
 */
export function declareBlock(
  { id, operand, access: { run, wide } }: Block,
  outer: string,
  limit: string,
  place: ElementText,
  axes: readonly [number, number],
): string[] {
  const whole = wide && run === "outer";
  const at = (first: string) => `q${operand} + ${first} * ${place(operand, axes[0])}`;
  return [
    `let e${id} = ${outer};`,
    `let si${id} = ${place(operand, axes[1])};`,
    ...(whole
      ? [`let p${id} = ${at(`min(e${id}, ${limit} - 4)`)};`]
      : four.map((r) => `let p${id}_${r} = ${at(`min(e${id} + ${r}, ${limit} - 1)`)};`)),
    ...four.map((c) => `var r${id}_${c}: vec4<f32>;`),
  ];
}

/** Reads a block at inner index `k`; what lies beyond `depth` is zero. */
export function fetchBlock({ id, operand, access, dtype, even }: Block, k: string): string[] {
  const lines = [`{ let k = ${k};`];
  const inside = (c: number, value: string) =>
    even ? value : `select(vec4<f32>(), ${value}, k + ${c} < depth)`;
  if (access.wide && access.run === "inner") {
    const i = even ? "k" : "min(k, depth - 4)";
    for (const r of four) {
      lines.push(`r${id}_${r} = ${inside(0, `four${operand}(p${id}_${r} + ${i})`)};`);
    }
    return [...lines, "}"];
  }
  for (const c of four) {
    const i = `(${even ? `k + ${c}` : `min(k + ${c}, depth - 1)`}) * si${id}`;
    const value = access.wide
      ? `four${operand}(p${id} + ${i})`
      : gathered(operand, dtype, four.map((r) => `p${id}_${r} + ${i}`));
    lines.push(`r${id}_${c} = ${inside(c, value)};`);
  }
  return [...lines, "}"];
}

/** Text of a block's vector along the outer axis at its inner index `c`. */
export function vectorOf({ id, access: { run, wide } }: Block, c: number): string {
  if (!(wide && run === "inner")) return `r${id}_${c}`;
  return `vec4<f32>(${four.map((r) => `r${id}_${r}.${"xyzw"[c]}`).join(", ")})`;
}
