/**
 * What the text of a product depends on: its tile, how its operands lie in memory, and how many terms
 * each number is taken apart into.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";

/** How products are computed: factors keep 22 of 24 bits at least, or are rounded to bf16. */
export type Precision = "float32" | "bf16";

/** Sizes of what a block computes, in elements and warps. */
export interface BlockTile {
  /** Rows of the result. */
  readonly m: number;
  /** Columns of the result. */
  readonly n: number;
  /** Inner elements of one turn, a multiple of 32. */
  readonly k: number;
  /** Warps along rows and along columns. */
  readonly warps: readonly [number, number];
  /** Turns whose elements are in shared memory or on their way there. */
  readonly stages: number;
  /** Whether groups of four warps multiply (`wgmma`), each 64 rows. */
  readonly grouped?: boolean;
  /** Turns on their way to shared memory; else they are read into registers. */
  readonly raw?: number;
  /** Blocks that a multiprocessor is to have room for. */
  readonly resident?: number;
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
   * Whether factors are tf32 and what that leaves, in three products; otherwise they are terms of 8
   * bits.
   */
  readonly halves: boolean;
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
export function threadsOf({ warps }: BlockTile): number {
  return 32 * warps[0] * warps[1];
}

const fours = (...numbers: readonly number[]) => numbers.every((x) => x % 4 === 0);

/** Numbers of 8 bits that hold an element to its last bit. */
const exactTerms: Readonly<Record<Dtype, number>> = { f32: 3, f64: 3, u32: 3, f16: 2, bf16: 1 };

function accessOf(
  { dtype, offset, strides }: Bound,
  axes: readonly [outer: number, inner: number],
  sizes: readonly [outer: number, inner: number],
  precision: Precision,
): FactorAccess {
  const rest = strides.slice(0, -2);
  const [outer, inner] = [strides[axes[0]]!, strides[axes[1]]!];
  const terms = precision === "bf16" ? 1 : exactTerms[dtype];
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
  return {
    rank,
    tile,
    halves: precision === "float32" && a.dtype === "f32" && b.dtype === "f32",
    read: readsOf(space, [a, b], precision),
    wide: others.map(({ dtype, offset, strides }) =>
      dtype === "f32" && strides[rank + 1] === 1 && fours(n, offset, ...strides.slice(0, -1))
    ),
    dtypes: others.map(({ dtype }) => dtype),
    even: k > 0 && chunk % tile.k === 0 && k % tile.k === 0,
    chunked: chunk < k,
  };
}

/** Text that tells shapes apart. */
export function productKey(shape: ProductShape): string {
  const { rank, tile, read, halves, wide, dtypes, even, chunked } = shape;
  const reads = read.map(({ dtype, run, wide, terms }) => `${dtype}${run}${Number(wide)}${terms}`);
  const sizes = [tile.m, tile.n, tile.k, ...tile.warps, tile.stages].join("x") +
    (tile.grouped === true ? `g${tile.resident ?? ""}r${tile.raw ?? ""}` : "");
  return `${rank}/${sizes}/${reads}/${Number(halves)}/${
    wide.map(Number)
  }/${dtypes}/${even}/${chunked}`;
}
