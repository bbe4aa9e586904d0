/**
 * Which tile fits a product, and into how many chunks its inner axis is divided so that all of a
 * card's multiprocessors have work.
 *
 * @module
 */

import { epilogueBytes } from "./epilogue.ts";
import type { BlockTile } from "./product_shape.ts";

const tile = (
  m: number,
  n: number,
  k: number,
  warps: BlockTile["warps"],
  stages: number,
): BlockTile => (
  { m, n, k, warps, stages }
);

/** Tiles of products that are not narrow, the largest first: of factors that keep their bits. */
const exact = [tile(128, 128, 32, [2, 4], 4), tile(128, 64, 32, [2, 2], 4)];
/** Of factors that are rounded. */
const rounded = [
  tile(128, 256, 32, [2, 4], 4),
  tile(128, 128, 32, [2, 2], 4),
  tile(128, 64, 32, [2, 2], 4),
];
const grouped = (m: number, n: number, k: number, stages: number): BlockTile => (
  { ...tile(m, n, k, [m / 16, 1], stages), grouped: true }
);
/** Of floats by warp groups: one that fits more blocks, for as many as run at once. */
const floats = {
  wide: grouped(128, 128, 32, 2),
  narrow: { ...grouped(128, 64, 32, 4), raw: 2 },
};
/** Of bf16 by warp groups, and blocks for each multiprocessor from which on they are good. */
const halves: readonly (readonly [BlockTile, number])[] = [
  [grouped(128, 256, 64, 4), 1.8],
  [{ ...grouped(128, 128, 64, 3), resident: 2 }, 1.01],
  [grouped(128, 128, 64, 4), 0.7],
  [grouped(128, 64, 64, 4), 0.7],
  [grouped(64, 64, 64, 6), 0.7],
];
const usual = tile(64, 64, 32, [2, 2], 4);
/** The same where a multiprocessor has one block, whose warps then share the inner axis too. */
const shared = { ...tile(64, 64, 64, [2, 2], 4), slices: 2 };
const small = tile(32, 32, 32, [2, 1], 4);
const fewColumns = tile(64, 16, 32, [4, 1], 4);
const fewRows = tile(16, 64, 32, [1, 4], 4);
/** Of products with few rows or columns, where warps share a long inner axis. */
const deep = [8, 4].map((slices) => ({ ...tile(16, 16, 32 * slices, [1, 1], 3), slices }));

/** How a product is computed. */
export interface ProductChoice {
  /** What a block computes. */
  readonly tile: BlockTile;
  /** Chunks of the inner axis. */
  readonly split: number;
  /** Whether threads multiply by themselves; the tile does not count then. */
  readonly byThreads?: boolean;
}

/** A product's sizes, and what it runs on. */
export interface ProductSizes {
  /** Rows of A and of the result. */
  readonly m: number;
  /** Columns of B and of the result. */
  readonly n: number;
  /** Columns of A, rows of B. */
  readonly k: number;
  /** Products of the batch. */
  readonly batch: number;
  /** Terms of A and B together: 2 where both are bf16. */
  readonly terms: number;
  /** Bytes of an element of A and of B. */
  readonly bytes: readonly [number, number];
  /** Whether a factor has so few rows that threads could multiply by themselves. */
  readonly narrow: boolean;
  /** Whether warp groups (`wgmma`) can multiply them. */
  readonly grouped: boolean;
  /** Multiprocessors of the card. */
  readonly processors: number;
  /** Bytes of shared memory that a block can have. */
  readonly sharedBytes: number;
}

/** Turns of a tile that shared memory has room for: none where it is too small for the sums. */
function mostStages(t: BlockTile, { bytes, sharedBytes }: ProductSizes): number {
  if (epilogueBytes(t) > sharedBytes) return 0;
  const turn = (outer: number) => Math.max(outer * (t.k + 8), t.k * (outer + 8));
  return Math.floor(sharedBytes / (bytes[0] * turn(t.m) + bytes[1] * turn(t.n)));
}

/** By warp groups, where they have enough to do. */
function groupedChoice(sizes: ProductSizes): ProductChoice | undefined {
  const { m, n, k, batch, bytes, processors, sharedBytes } = sizes;
  if (!sizes.grouped || m < 48 || n < 48 || k < 128 || sharedBytes < 200 * 1024) return undefined;
  const blocks = (t: BlockTile) => Math.ceil(m / t.m) * Math.ceil(n / t.n) * batch;
  const fits = (t: BlockTile) => t.m <= 1.5 * m && t.n <= 1.5 * n;
  if (bytes[0] === 2) {
    const found = halves.find(([t, least]) => fits(t) && blocks(t) >= least * processors);
    return found === undefined ? undefined : { tile: found[0], split: 1 };
  }
  const { wide, narrow } = floats;
  const fills = (t: BlockTile) => fits(t) && blocks(t) >= 0.7 * processors;
  if (fills(wide)) return { tile: wide, split: 1 };
  // A long inner axis pays for adding up the parts.
  if (fills(narrow) && (k <= 2048 || !fits(wide))) return { tile: narrow, split: 1 };
  if (!fits(wide)) return undefined;
  const wanted = Math.round(processors / blocks(wide));
  const split = Math.max(1, Math.min(wanted, Math.floor(k / 256), 16));
  return blocks(wide) * split >= 0.4 * processors ? { tile: wide, split } : undefined;
}

/** How products are computed; benches put others in its place. */
export type ProductPolicy = (sizes: ProductSizes) => ProductChoice;

/** What was measured to be good. */
export const usualProducts: ProductPolicy = (sizes) => {
  const { m, n, k, batch, terms, narrow, processors } = sizes;
  const fitting = (t: BlockTile) => ({ ...t, stages: Math.min(t.stages, mostStages(t, sizes)) });
  const blocks = (t: BlockTile) => Math.ceil(m / t.m) * Math.ceil(n / t.n) * batch;
  const divided = (t: BlockTile): ProductChoice => {
    const count = blocks(t);
    const most = Math.floor(k / 128);
    const wanted = count >= 0.9 * processors ? 1 : Math.round(processors / count);
    return { tile: fitting(t), split: Math.max(1, Math.min(most, wanted, 16)) };
  };
  if (narrow) return { tile: usual, split: 1, byThreads: true };
  const choice = groupedChoice(sizes);
  if (choice !== undefined) return choice;
  if (Math.min(m, n) <= 16) {
    const flat = n <= 16 ? fewColumns : fewRows;
    const sliced = deep.find((t) => 2 * t.k <= k && mostStages(t, sizes) >= 2);
    if (sliced === undefined || blocks(flat) >= 0.9 * processors) return divided(flat);
    const more = Math.min(Math.floor(processors / 2 / blocks(sliced)), Math.floor(k / 1024));
    return { tile: fitting(sliced), split: Math.max(1, Math.min(more, 16)) };
  }
  const large = (terms > 2 ? exact : rounded).filter((t) =>
    t.m <= 1.25 * m && t.n <= 1.25 * n && mostStages(t, sizes) >= 2
  );
  const filling = large.find((t) => blocks(t) >= 0.9 * processors);
  if (filling !== undefined) return { tile: fitting(filling), split: 1 };
  // A long inner axis pays for adding up the parts.
  const wide = large.find((t) => t.n === 128);
  if (wide !== undefined && k >= 2048 && 4 * blocks(wide) >= 0.9 * processors) return divided(wide);
  if (k >= 512 || blocks(usual) >= processors / 2) {
    const alone = blocks(usual) <= processors && k >= 4 * usual.k && mostStages(shared, sizes) >= 3;
    return divided(alone ? shared : usual);
  }
  return divided(small);
};
