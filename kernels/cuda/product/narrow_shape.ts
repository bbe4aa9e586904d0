/**
 * Products of which one factor has few rows: threads multiply by themselves, as matrix units would be
 * given mostly nothing. Which products, and what their text depends on.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { warp } from "../row/row_shape.ts";
import type { Precision } from "./product_shape.ts";

/** How a factor is read; its outer axis is M or N, its inner one K. */
export interface NarrowAccess {
  /** Element type. */
  readonly dtype: Dtype;
  /** Along which axis four elements are read at once; `none` where one is. */
  readonly fours: "inner" | "outer" | "none";
}

/** All that the text of such a product depends on beside its program. */
export interface NarrowShape {
  /** Which factor has the long outer axis: A (0), so that columns are few, or B (1). */
  readonly long: 0 | 1;
  /** Outer elements of the other factor, a power of two. */
  readonly few: number;
  /** Outer elements of the long factor that a block has. */
  readonly each: number;
  /** Warps of a block, which share the inner axis. */
  readonly warps: number;
  /** How A and B are read. */
  readonly read: readonly [NarrowAccess, NarrowAccess];
  /** Whether factors are rounded to bf16. */
  readonly rounds: boolean;
  /** Element types of extras and outputs. */
  readonly dtypes: readonly Dtype[];
}

/** Most outer elements that are few. */
const mostFew = 16;
/** Inner elements from which on sharing them among warps pays. */
const leastInner = 256;
/** Sums that a thread has where it reads along the inner axis. */
const sums = 64;
/** Long outer elements of a block where they are read by fours. */
const columns = 16;

const floats: readonly Dtype[] = ["f32", "f16", "bf16"];

/** The shape of a product over M, N, K; nothing where it is another kind of product. */
export function narrowShape(
  space: readonly number[],
  operands: readonly Bound[],
  precision: Precision,
): NarrowShape | undefined {
  const [m, n, k] = space as readonly [number, number, number];
  const few = Math.min(m, n);
  const isPower = [1, 2, 4, 8, 16].includes(few);
  if (space.length !== 3 || !isPower || few > mostFew || k < leastInner) return undefined;
  const long = n <= m ? 0 : 1;
  const [a, b, ...others] = operands as [Bound, Bound, ...Bound[]];
  const read = [accessOf(a, [0, 1], [m, k]), accessOf(b, [1, 0], [n, k])] as const;
  const own = read[long].fours;
  if (own === "none" || !read.every(({ dtype }) => floats.includes(dtype))) return undefined;
  const each = own === "inner" ? Math.min(8, sums / few) : columns;
  const warps = own === "inner" ? Math.min(8, Math.ceil(k / (4 * warp))) : 8;
  const dtypes = others.map(({ dtype }) => dtype);
  return { long, few, each, warps, read, rounds: precision === "bf16", dtypes };
}

function accessOf(
  { dtype, offset, strides }: Bound,
  axes: readonly [outer: number, inner: number],
  sizes: readonly [outer: number, inner: number],
): NarrowAccess {
  const [outer, inner] = [strides[axes[0]]!, strides[axes[1]]!];
  const whole = (...numbers: readonly number[]) => numbers.every((x) => x % 4 === 0);
  if (inner === 1 && whole(sizes[1], outer, offset)) return { dtype, fours: "inner" };
  if (outer === 1 && whole(sizes[0], inner, offset)) return { dtype, fours: "outer" };
  return { dtype, fours: "none" };
}

/** Text that tells shapes apart. */
export function narrowKey({ long, few, each, warps, read, rounds, dtypes }: NarrowShape): string {
  const reads = read.map(({ dtype, fours }) => `${dtype}${fours}`);
  return `narrow/${long}/${few}x${each}x${warps}/${reads}/${Number(rounds)}/${dtypes}`;
}

/** Bytes of an element of a factor. */
export function elementBytes({ dtype }: NarrowAccess): number {
  return bytesPerElement(dtype);
}
