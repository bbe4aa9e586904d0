/**
 * Moments of a gradient over masks, summed over all its elements: variance, squared bias and squared
 * mean, each without the bias that a finite number of masks would give it.
 *
 * @module
 */

import { jackknife, type Statistic } from "./statistics.ts";

/** Moments over the squared norm of the gradient without dropout: all are dimensionless. */
export interface Moments {
  /** Trace of the covariance over masks. */
  readonly variance: Statistic;
  /** Squared distance of the mean over masks from the gradient without dropout. */
  readonly bias: Statistic;
  /** Squared norm of the mean over masks. */
  readonly mean: Statistic;
}

/** Sums over the masks of one example, from which all moments follow. */
interface Sums {
  readonly masks: number;
  /** Of the squared distances from the clean gradient. */
  readonly squares: number;
  /** Squared norm of the summed differences from the clean gradient. */
  readonly total: number;
  /** Inner product of the summed differences with the clean gradient. */
  readonly along: number;
  /** Squared norm of the clean gradient. */
  readonly clean: number;
}

/**
 * Moments of a layer's gradient.
 *
 * Examples do not touch each other's gradient and draw masks of their own, so moments are sums over
 * examples, and the jackknife leaves out one mask of one example at a time.
 *
 * @param gradients One a mask, all of `clean`'s length
 * @param clean The gradient without dropout, example by example
 * @param examples Number of examples, each with an equal part of the elements
 */
export function momentsOf(
  gradients: readonly Float32Array[],
  clean: Float32Array,
  examples: number,
): Moments {
  const unit = dot(clean, clean, 0, clean.length);
  const size = clean.length / examples;
  const parts = Array.from(
    { length: examples },
    (_, e) => leaveOut(gradients, clean, e * size, (e + 1) * size),
  );
  const statistic = (of: (sums: Sums) => number) =>
    jackknife(parts.map(({ all, without }) => ({
      all: of(all) / unit,
      without: without.map((sums) => of(sums) / unit),
    })));
  return { variance: statistic(variance), bias: statistic(bias), mean: statistic(mean) };
}

function variance({ masks, squares, total }: Sums): number {
  return Math.max(0, squares - total / masks) / (masks - 1);
}

/** The squared norm of an average of masks holds their variance, which is taken from it. */
function bias(sums: Sums): number {
  return sums.total / sums.masks ** 2 - variance(sums) / sums.masks;
}

function mean(sums: Sums): number {
  return sums.clean + 2 * sums.along / sums.masks + bias(sums);
}

/** Sums of all masks of an example, and without each of them. */
function leaveOut(
  gradients: readonly Float32Array[],
  clean: Float32Array,
  from: number,
  to: number,
): { readonly all: Sums; readonly without: Sums[] } {
  const sum = new Float64Array(to - from);
  for (const g of gradients) for (let i = from; i < to; i++) sum[i - from]! += g[i]! - clean[i]!;
  const each = gradients.map((g) => {
    let [own, cross, along] = [0, 0, 0];
    for (let i = from; i < to; i++) {
      const difference = g[i]! - clean[i]!;
      own += difference * difference;
      cross += difference * sum[i - from]!;
      along += difference * clean[i]!;
    }
    return { own, cross, along };
  });
  const all: Sums = {
    masks: gradients.length,
    squares: each.reduce((total, { own }) => total + own, 0),
    total: sum.reduce((total, x) => total + x * x, 0),
    along: each.reduce((total, { along }) => total + along, 0),
    clean: dot(clean, clean, from, to),
  };
  const without = each.map(({ own, cross, along }): Sums => ({
    masks: all.masks - 1,
    squares: all.squares - own,
    total: all.total - 2 * cross + own,
    along: all.along - along,
    clean: all.clean,
  }));
  return { all, without };
}

/** Inner product over a range of elements, summed in double precision. */
export function dot(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  from: number,
  to: number,
): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += a[i]! * b[i]!;
  return sum;
}
