/**
 * How the operands of a product lie in memory: what is contiguous and aligned is read and written
 * four elements at a time.
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
