/**
 * Ways to compute a product.
 *
 * @module
 */

import type { Limits } from "../limits.ts";

/** A kernel variant of the product. Sizes are in elements. */
export interface MatmulVariant {
  /** Rows and columns of the result that a workgroup computes. */
  readonly tile: readonly [number, number];
  /** Rows and columns that one invocation computes: 4 or 8. */
  readonly own: readonly [number, number];
  /** Inner elements of a tile in workgroup memory; 0 where each invocation reads what it needs. */
  readonly depth: number;
  /** Without tiles: invocations that share the inner axis of one block, a power of two. */
  readonly lanes: number;
}

/** A product in tiles that pass through workgroup memory. */
export function tiled(
  bm: number,
  bn: number,
  tm: 4 | 8,
  tn: 4 | 8,
  depth = 16,
): MatmulVariant {
  return { tile: [bm, bn], own: [tm, tn], depth, lanes: 1 };
}

/** A product whose invocations read what they need; `lanes` of them share one block's inner axis. */
export function direct(
  bm: number,
  bn: number,
  lanes: number,
  own: readonly [number, number] = [4, 4],
): MatmulVariant {
  return { tile: [bm, bn], own, depth: 0, lanes };
}

/** Invocations of a workgroup along columns, rows and the inner axis. */
export function groupOf({ tile: [bm, bn], own: [tm, tn], lanes }: MatmulVariant) {
  return [bn / tn, bm / tm, lanes] as const;
}

/** Bytes of workgroup memory. */
function sharedBytes({ tile: [bm, bn], own: [tm, tn], depth, lanes }: MatmulVariant): number {
  if (depth > 0) return 4 * depth * (bm + bn);
  return lanes === 1 ? 0 : 4 * (bm / tm) * (bn / tn) * lanes / 2 * tm * tn;
}

/** The variant, or one that every adapter can run where this one cannot. */
export function within(variant: MatmulVariant, limits: Limits): MatmulVariant {
  const [x, y, z] = groupOf(variant);
  const fits = x <= limits.maxComputeWorkgroupSizeX && y <= limits.maxComputeWorkgroupSizeY &&
    z <= limits.maxComputeWorkgroupSizeZ &&
    x * y * z <= limits.maxComputeInvocationsPerWorkgroup &&
    sharedBytes(variant) <= limits.maxComputeWorkgroupStorageSize;
  return fits ? variant : direct(4, 4, 1);
}

/** Inner elements that a workgroup takes in one turn. */
export function turnOf({ depth }: MatmulVariant): number {
  return depth === 0 ? 4 : depth;
}
