/**
 * Which variant of a product fits a shape and an adapter.
 *
 * @module
 */

import type { MatmulVariant } from "./matmul.ts";

/** How products are computed; benches put others in its place. */
export interface MatmulPolicy {
  /** Tile sizes for a shape. */
  readonly choose: (
    m: number,
    n: number,
    k: number,
    batch: number,
    contiguous: readonly [boolean, boolean],
    software: boolean,
  ) => MatmulVariant;
  /** Chunks of the inner axis. */
  readonly split: (
    variant: MatmulVariant,
    m: number,
    n: number,
    k: number,
    batch: number,
  ) => number;
}

/** Workgroups below which a large tile leaves a big GPU idle. */
const enough = 128;

/** Chooses tile sizes for an `m x n x k` product in `batch` copies. */
const chooseMatmul: MatmulPolicy["choose"] = (m, n, k, batch, contiguous, software) => {
  if (software) {
    const wide = m >= 32 && n >= 32;
    const own = wide ? [8, 8] as const : [4, 4] as const;
    return {
      tiled: false,
      tile: [own[0] * 2, own[1] * 4, 1],
      own,
      split: false,
      contiguous: [false, false],
    };
  }
  const groups = (bm: number, bn: number) => Math.ceil(m / bm) * Math.ceil(n / bn) * batch;
  const depth = k <= 8 ? 8 : 16;
  const make = (bm: number, bn: number, tm: 4 | 8, tn: 4 | 8): MatmulVariant => ({
    tiled: true,
    tile: [bm, bn, depth],
    own: [tm, tn],
    split: false,
    contiguous,
  });
  if (n <= 16) return make(64, 16, 4, 4);
  if (m <= 16) return make(16, 64, 4, 4);
  if (m <= 32 || n <= 32) return make(32, 32, 4, 4);
  if (groups(64, 64) >= enough) return make(64, 64, 8, 8);
  if (groups(64, 32) >= enough) return make(64, 32, 8, 4);
  return make(32, 32, 4, 4);
};

/**
 * Into how many chunks the inner axis is cut, so that a product with a small result fills a GPU.
 * The partial results are added, with the epilogue, by a second program.
 */
const chooseSplit: MatmulPolicy["split"] = ({ tiled, tile: [bm, bn] }, m, n, k, batch) => {
  const groups = Math.ceil(m / bm) * Math.ceil(n / bn) * batch;
  if (!tiled || groups >= 2 * enough || k < 256) return 1;
  return Math.max(1, Math.min(16, Math.floor(k / 128), Math.ceil(4 * enough / groups)));
};

/** What was measured to be good. */
export const usualPolicy: MatmulPolicy = { choose: chooseMatmul, split: chooseSplit };
