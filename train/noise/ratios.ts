/**
 * Ratios of DropKey's derivatives to those of DropAttention with NoGrad, counted over many rows.
 *
 * @module
 */

import { fates } from "./gradients.ts";

/** A ratio over all entries: counts, range, and how far from its formula. */
export interface RatioCount {
  /** Entries. */
  count: number;
  /** Of them, those where the claim holds. */
  holding: number;
  /** Sum of the ratios. */
  sum: number;
  /** Smallest ratio. */
  least: number;
  /** Largest ratio. */
  most: number;
  /** Largest distance from the formula, over the formula's value. */
  error: number;
}

/** Ratios where a number of keys is dropped. */
export interface RatioRow {
  /** Keys that each row loses. */
  readonly dropped: number;
  /**
   * k, the ratio of the derivatives of a kept weight by its own logit, against
   * (1 - w'_u) / (1 - w_u): below 1?
   */
  readonly diagonal: RatioCount;
  /** The same of the derivatives by another kept key's logit, against 1/S: above 1? */
  readonly offDiagonal: RatioCount;
  /** Entries whose k falls with every raise of the dropped logits. */
  falling: number;
  /** By raise of the dropped logits: sum of k over the entries. */
  readonly raised: { readonly by: number; sum: number }[];
}

/** A row without entries. */
export function emptyRatios(dropped: number, raises: readonly number[]): RatioRow {
  const none = () => ({
    count: 0,
    holding: 0,
    sum: 0,
    least: Infinity,
    most: -Infinity,
    error: 0,
  });
  const raised = raises.map((by) => ({ by, sum: 0 }));
  return { dropped, diagonal: none(), offDiagonal: none(), falling: 0, raised };
}

/** One layer's weights without dropout, and the derivatives of one key's weight by all scores. */
export interface RowDerivatives {
  /** Weights without dropout, `[rows, keys]`. */
  readonly weights: Float32Array;
  /** Of DropKey. */
  readonly dropKey: Float32Array;
  /** Of DropAttention with NoGrad. */
  readonly noGrad: Float32Array;
}

/**
 * Least weight of the kept key, of the dropped keys together, and of the other kept keys together:
 * of less, single precision cannot tell k from 1.
 */
const leastWeight = 0.01;

/**
 * Counts the ratios of a layer's rows.
 *
 * @param fate What the mask does to each logit, by {@linkcode fates}
 * @param byRaise Derivatives for each raise of the dropped logits, the first of none
 * @param layout Number of keys of a row, and the key whose weight was differentiated
 */
export function addRatios(
  row: RatioRow,
  fate: Uint8Array,
  byRaise: readonly RowDerivatives[],
  { width, of }: { readonly width: number; readonly of: number },
): void {
  const { weights, dropKey, noGrad } = byRaise[0]!;
  for (let start = 0; start < fate.length; start += width) {
    const own = start + of;
    if (fate[own] !== fates.kept) continue;
    let [dropped, lost, kept] = [0, 0, 0];
    for (let i = start; i < start + width; i++) {
      if (fate[i] === fates.kept) kept += weights[i]!;
      if (fate[i] !== fates.dropped) continue;
      lost += weights[i]!;
      dropped++;
    }
    const others = kept - weights[own]!;
    if (dropped !== row.dropped || Math.min(lost, weights[own]!, others) < leastWeight) continue;
    const k = byRaise.map((each) => each.dropKey[own]! / each.noGrad[own]!);
    const formula = (1 - weights[own]! / kept) / (1 - weights[own]!);
    count(row.diagonal, k[0]!, formula, k[0]! < 1);
    if (k.every((ratio, i) => i === 0 || ratio < k[i - 1]!)) row.falling++;
    row.raised.forEach((raised, i) => raised.sum += k[i]!);
    for (let i = start; i < start + width; i++) {
      if (i === own || fate[i] !== fates.kept || weights[i]! < leastWeight) continue;
      const ratio = dropKey[i]! / noGrad[i]!;
      count(row.offDiagonal, ratio, 1 / kept, ratio > 1);
    }
  }
}

function count(into: RatioCount, ratio: number, formula: number, holds: boolean): void {
  into.count++;
  if (holds) into.holding++;
  into.sum += ratio;
  into.least = Math.min(into.least, ratio);
  into.most = Math.max(into.most, ratio);
  into.error = Math.max(into.error, Math.abs(ratio / formula - 1));
}
