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

/** Of one mask's difference from the clean gradient, by example. */
export interface MaskProducts {
  /** Its squared norm. */
  readonly own: Float64Array;
  /** Its inner product with the clean gradient. */
  readonly along: Float64Array;
}

/** Products of one mask's gradient. */
export function productsOf(g: Float32Array, clean: Float32Array, examples: number): MaskProducts {
  const [own, along] = [new Float64Array(examples), new Float64Array(examples)];
  const size = clean.length / examples;
  for (let e = 0; e < examples; e++) {
    let [squares, products] = [0, 0];
    for (let i = e * size; i < (e + 1) * size; i++) {
      const difference = g[i]! - clean[i]!;
      squares += difference * difference;
      products += difference * clean[i]!;
    }
    own[e] = squares;
    along[e] = products;
  }
  return { own, along };
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
 * @param products Those of each gradient, where they are known
 */
export function momentsOf(
  gradients: readonly Float32Array[],
  clean: Float32Array,
  examples: number,
  products: readonly MaskProducts[] = gradients.map((g) => productsOf(g, clean, examples)),
): Moments {
  const unit = dot(clean, clean, 0, clean.length);
  const parts = Array.from(
    { length: examples },
    (_, e) => leaveOut(gradients, clean, products, e),
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

/** Sums of all masks of example `e`, and without each of them. */
function leaveOut(
  gradients: readonly Float32Array[],
  clean: Float32Array,
  products: readonly MaskProducts[],
  e: number,
): { readonly all: Sums; readonly without: Sums[] } {
  const size = clean.length / products[0]!.own.length;
  const [from, to] = [e * size, (e + 1) * size];
  const sum = new Float64Array(size);
  for (const g of gradients) for (let i = 0; i < size; i++) sum[i]! += g[from + i]!;
  for (let i = 0; i < size; i++) sum[i]! -= gradients.length * clean[from + i]!;
  const shift = clean.subarray(from, to).reduce((total, x, i) => total + x * sum[i]!, 0);
  const each = gradients.map((g, n) => {
    let cross = -shift;
    for (let i = 0; i < size; i++) cross += g[from + i]! * sum[i]!;
    return { own: products[n]!.own[e]!, along: products[n]!.along[e]!, cross };
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
