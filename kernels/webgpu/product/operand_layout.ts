/**
 * How the operands of a product lie in memory and are read: what is contiguous and aligned moves four
 * elements at a time, and an invocation reads A and B in blocks of four outer by four inner elements,
 * which it holds as four vectors along the outer axis, one for each inner index.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { type Dtype, isHalf } from "../../../core/dtype.ts";
import { elementAt, elementType } from "../shader.ts";

/** How A or B is read. Its outer axis is M or N, its inner one K. */
export interface Access {
  /** The axis whose elements are neighbours in memory; `outer` where none is. */
  readonly run: "inner" | "outer";
  /** Whether four neighbours can be read at once. */
  readonly wide: boolean;
}

/** What the strides of a product allow. */
export interface MatmulLayout {
  /** Access to A and to B. */
  readonly read: readonly [Access, Access];
  /** Whether extras and outputs are met four columns at a time, in the order of the operands. */
  readonly wide: readonly boolean[];
}

const fours = (...numbers: readonly number[]) => numbers.every((x) => x % 4 === 0);

function accessOf(
  { offset, strides }: Bound,
  outerAxis: number,
  innerAxis: number,
  outer: number,
  inner: number,
): Access {
  const rest = strides.slice(0, -2);
  const [so, si] = [strides[outerAxis]!, strides[innerAxis]!];
  if (si === 1) return { run: "inner", wide: fours(inner, so, offset, ...rest) };
  return { run: "outer", wide: so === 1 && fours(outer, si, offset, ...rest) };
}

/** Layout of a product whose space ends in M, N, K. */
export function layoutOf(
  space: readonly number[],
  operands: readonly Bound[],
): MatmulLayout {
  const [m, n, k] = space.slice(-3) as [number, number, number];
  const rank = space.length - 3;
  const [a, b, ...others] = operands as [Bound, Bound, ...Bound[]];
  return {
    read: [accessOf(a, rank, rank + 1, m, k), accessOf(b, rank + 1, rank, n, k)],
    wide: others.map(({ offset, strides }) =>
      strides[rank + 1] === 1 && fours(n, offset, ...strides.slice(0, -1))
    ),
  };
}

/** Element type of an operand's array where four are read at once. */
export function wideType(dtype: Dtype): string {
  return isHalf(dtype) ? "vec2<u32>" : "vec4<f32>";
}

/** Element type of the array of A or B. */
export function arrayType(dtype: Dtype, { wide }: Access): string {
  return wide ? wideType(dtype) : elementType(dtype);
}

/** A function `fourK(i)` that reads elements i to i + 3 of operand K; i is a multiple of 4. */
export function wideReader(operand: number, dtype: Dtype): string {
  const word = (name: string) =>
    dtype === "f16"
      ? `unpack2x16float(w.${name})`
      : `bitcast<f32>(w.${name} << 16u), bitcast<f32>(w.${name} & 0xffff0000u)`;
  const value = isHalf(dtype) ? `vec4<f32>(${word("x")}, ${word("y")})` : "w";
  return `fn four${operand}(i: i32) -> vec4<f32> { let w = a${operand}[i >> 2u]; return ${value}; }
`;
}

/** Text of four elements at the given indices. */
export function gathered(operand: number, dtype: Dtype, indices: readonly string[]): string {
  return `vec4<f32>(${indices.map((index) => elementAt(operand, dtype, index)).join(", ")})`;
}

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
