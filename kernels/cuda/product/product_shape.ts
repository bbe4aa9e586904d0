/**
 * What the text of a product depends on: its tile, how its operands lie in memory, and how many terms
 * each number is taken apart into.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";

/**
 * How products are computed: factors keep 22 of 24 bits at least, or are rounded to the 11 bits of
 * tf32 or the 8 of bf16.
 */
export type Precision = "float32" | "tf32" | "bf16";

/** Every precision. */
export const precisions: readonly Precision[] = ["float32", "tf32", "bf16"];

/** Sizes of what a block computes, in elements and warps. */
export interface BlockTile {
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** Inner elements of one turn, a multiple of 32; all of them where there are few. */
  readonly k: number;
  /** Warps along rows and along columns. */
  readonly warps: readonly [number, number];
  /** Turns whose elements are in shared memory or on their way there. */
  readonly stages: number;
  /** Whether groups of four warps multiply (`wgmma`), each 64 rows. */
  readonly grouped?: boolean;
  /** Turns of floats on their way to shared memory; else they are read into registers. */
  readonly raw?: number;
  /** Whether each thread multiplies by itself, as there are few inner elements. */
  readonly shallow?: boolean;
  /** Blocks that a multiprocessor is to have room for. */
  readonly resident?: number;
  /** Warps that share the inner elements of a turn, 32 each, and join their sums; default 1. */
  readonly slices?: number;
}

/** How A or B is read; its outer axis is M or N, its inner one K. */
export interface FactorAccess {
  /** Element type. */
  readonly dtype: Dtype;
  /** The axis along which elements are neighbours in memory; `outer` where along none. */
  readonly run: "inner" | "outer";
  /** Whether 16 bytes of them can be copied at once. */
  readonly wide: boolean;
  /** Numbers of 8 bits that add up to an element. */
  readonly terms: number;
}

/** All that the text of a product depends on beside its program. */
export interface ProductShape {
  /** Axes before rows and columns. */
  readonly rank: number;
  /** What a block computes. */
  readonly tile: BlockTile;
  /** How A and B are read. */
  readonly read: readonly [FactorAccess, FactorAccess];
  /**
   * Parts of a factor in tf32: 2 are the rounded number and what that leaves, in three products. 0
   * where factors are terms of 8 bits.
   */
  readonly parts: 0 | 1 | 2;
  /** Whether extras and outputs are met four columns at a time, in the order of the operands. */
  readonly wide: readonly boolean[];
  /** Element types of extras and outputs. */
  readonly dtypes: readonly Dtype[];
  /** Whether the inner axis ends with a whole turn. */
  readonly even: boolean;
  /** Whether the first batch axis counts chunks of the inner axis. */
  readonly chunked: boolean;
}

/** Threads of a block. */
export function threadsOf({ warps, slices = 1 }: BlockTile): number {
  return 32 * warps[0] * warps[1] * slices;
}

const fours = (...numbers: readonly number[]) => numbers.every((x) => x % 4 === 0);

/** Numbers of 8 bits that hold an element to its last bit. */
const exactTerms: Readonly<Record<Dtype, number>> = { f32: 3, f64: 3, u32: 3, f16: 2, bf16: 1 };

/** The most of them that a precision asks for. */
const mostTerms: Readonly<Record<Precision, number>> = { float32: 3, tf32: 2, bf16: 1 };

function accessOf(
  { dtype, offset, strides }: Bound,
  axes: readonly [outer: number, inner: number],
  sizes: readonly [outer: number, inner: number],
  precision: Precision,
): FactorAccess {
  const rest = strides.slice(0, -2);
  const [outer, inner] = [strides[axes[0]]!, strides[axes[1]]!];
  const terms = Math.min(mostTerms[precision], exactTerms[dtype]);
  const whole = (...numbers: readonly number[]) =>
    numbers.every((x) => x % (16 / bytesPerElement(dtype)) === 0);
  if (inner === 1) {
    return { dtype, run: "inner", wide: whole(sizes[1], outer, offset, ...rest), terms };
  }
  const wide = outer === 1 && whole(sizes[0], inner, offset, ...rest);
  return { dtype, run: "outer", wide, terms };
}

/** How A and B are read, of a product whose space ends in M, N, K. */
function readsOf(
  space: readonly number[],
  [a, b]: readonly [Bound, Bound],
  precision: Precision,
): readonly [FactorAccess, FactorAccess] {
  const [m, n, k] = space.slice(-3) as [number, number, number];
  const rank = space.length - 3;
  return [
    accessOf(a, [rank, rank + 1], [m, k], precision),
    accessOf(b, [rank + 1, rank], [n, k], precision),
  ];
}

/**
 * Whether warp groups can multiply factors: both bf16, of which 16 bytes are read at once, or both
 * floats, of which those of A need only be neighbours.
 */
export function fitsGroups(
  space: readonly number[],
  factors: readonly [Bound, Bound],
  precision: Precision,
): boolean {
  const [a, b] = readsOf(space, factors, precision);
  if (!b.wide || a.dtype !== b.dtype) return false;
  if (a.dtype === "bf16") return a.wide;
  const joined = factors[0].strides.slice(-2).includes(1);
  return a.dtype === "f32" && precision === "float32" && joined;
}

/** The shape of a product whose space ends in M, N, K. */
export function productShape(
  space: readonly number[],
  operands: readonly Bound[],
  tile: BlockTile,
  chunk: number,
  precision: Precision,
): ProductShape {
  const [n, k] = space.slice(-2) as [number, number];
  const rank = space.length - 3;
  const [a, b, ...others] = operands as [Bound, Bound, ...Bound[]];
  const isFloat = a.dtype === "f32" && b.dtype === "f32";
  return {
    rank,
    tile,
    parts: precision === "bf16" || !isFloat ? 0 : precision === "tf32" ? 1 : 2,
    read: readsOf(space, [a, b], precision),
    wide: others.map(({ offset, strides }) =>
      strides[rank + 1] === 1 && fours(n, offset, ...strides.slice(0, -1))
    ),
    dtypes: others.map(({ dtype }) => dtype),
    even: k > 0 && chunk % tile.k === 0 && k % tile.k === 0,
    chunked: chunk < k,
  };
}

/** Text that tells shapes apart. */
export function productKey(shape: ProductShape): string {
  const { rank, tile, read, parts, wide, dtypes, even, chunked } = shape;
  const reads = read.map(({ dtype, run, wide, terms }) => `${dtype}${run}${Number(wide)}${terms}`);
  const groups = tile.grouped === true ? `g${tile.resident ?? ""}r${tile.raw ?? ""}` : "";
  const kind = tile.shallow === true ? "s" : groups;
  const sizes = [tile.m, tile.n, tile.k, ...tile.warps, tile.stages, tile.slices ?? 1].join("x");
  return [rank, sizes + kind, reads, parts, wide.map(Number), dtypes, even, chunked].join("/");
}
