/**
 * Ways to compute a product.
 *
 * @module
 */

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

/** Inner elements that a workgroup takes in one turn. */
export function turnOf({ depth }: MatmulVariant): number {
  return depth === 0 ? 4 : depth;
}
