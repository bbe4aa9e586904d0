/**
 * Which variant of a product fits a shape and an adapter.
 *
 * @module
 */

import { direct, type MatmulVariant, tiled } from "./variant.ts";

/** A product's sizes. */
export interface MatmulSizes {
  /** Rows of A and of the result. */
  readonly m: number;
  /** Columns of B and of the result. */
  readonly n: number;
  /** Columns of A, rows of B. */
  readonly k: number;
  /** Products of the batch. */
  readonly batch: number;
}

/** How a product is computed. */
export interface MatmulDispatch {
  /** Tiles and lanes of the kernel. */
  readonly variant: MatmulVariant;
  /**
   * Chunks of the inner axis, so that a product with a small result fills a GPU. The partial results
   * are added, with the epilogue, by a second program.
   */
  readonly split: number;
}

/** How products are computed; benches put others in its place. */
export type MatmulPolicy = (sizes: MatmulSizes, software: boolean) => MatmulDispatch;

/** The smallest of 4, 8 and 16 that holds `size`. */
const narrow = (size: number) => size <= 4 ? 4 : size <= 8 ? 8 : 16;

/** Invocations of a workgroup that share an inner axis of `k` when each takes at least two turns. */
const lanesFor = (k: number, most: number) => {
  let lanes = 1;
  while (lanes < most && lanes * 8 < k) lanes *= 2;
  return lanes;
};

/** Workgroups that fill a big GPU. */
const enough = 128;

/** What was measured to be good. */
export const usualPolicy: MatmulPolicy = ({ m, n, k, batch }, software) => {
  const whole = (variant: MatmulVariant): MatmulDispatch => ({ variant, split: 1 });
  if (software) {
    const own = m >= 32 && n >= 32 ? [8, 8] as const : [4, 4] as const;
    return whole(direct(own[0] * 2, own[1] * 4, 1, own));
  }
  if (n <= 16) return whole(direct(4, narrow(n), lanesFor(k, 256 / narrow(n))));
  if (m <= 16) return whole(direct(narrow(m), 32, lanesFor(k, 128 / narrow(m))));
  if (m <= 32) return whole(n <= 4096 ? direct(4, 32, lanesFor(k, 32)) : tiled(32, 64, 4, 8));
  const groups = (bm: number, bn: number) => Math.ceil(m / bm) * Math.ceil(n / bn) * batch;
  if (n <= 32) return whole(tiled(32, 32, 4, 4));
  const [square, broad] = [groups(64, 64), groups(64, 128)];
  if (m <= 512 && broad >= 8 * enough) return whole(tiled(64, 128, 8, 8));
  if (square > 1.25 * enough) return whole(tiled(64, 64, 8, 8));
  if (k < 1024) return whole(tiled(32, 32, 4, 4, 32));
  const fits = broad * 128 <= 1.1 * n * Math.ceil(m / 64) * batch;
  const [variant, count] = fits ? [tiled(64, 128, 8, 8), broad] : [tiled(64, 64, 8, 8), square];
  return {
    variant,
    split: Math.min(Math.floor(k / 128), Math.max(1, Math.round(3 * enough / count))),
  };
};
