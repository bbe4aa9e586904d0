/**
 * Which examples form a batch, and how their sequences become one rectangle.
 *
 * @module
 */

import { OptionError, ShapeError } from "../../core/errors.ts";

/** Settings of {@linkcode planEpoch}. */
export interface EpochPlan {
  /** Number of tokens of every example. */
  lengths: readonly number[];
  /** Examples in a batch. */
  batch: number;
  /** Whether to batch examples of similar length. */
  bucket: boolean;
  /** Whether to draw a random order. */
  shuffle: boolean;
  /** Source of uniform numbers in [0, 1); called only if `shuffle` is set. */
  random: () => number;
}

/** Right-padded sequences. */
export interface PackedSequences {
  /** Token identifiers. Shape [sequences, width], row by row. */
  ids: Uint32Array<ArrayBuffer>;
  /** Number of tokens of every sequence, padding not counted. */
  lengths: number[];
  /** Length of the longest sequence. */
  width: number;
}

const windowBatches = 50;

/**
 * Plans one epoch: every example occurs once, and a partial batch is kept.
 *
 * With `bucket`, windows of 50 batches are sorted by length before they are cut, so padding shrinks
 * while the order stays random; the partial batch then lies anywhere. Without `shuffle`, the order
 * is a function of the lengths alone.
 *
 * @returns Batches of positions in `lengths`
 * @throws {OptionError} If `batch` is not a positive integer
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const plan = { batch: 2, bucket: false, shuffle: false, random: Math.random };
 * assertEquals(planEpoch({ ...plan, lengths: [3, 9, 4] }), [[0, 1], [2]]);
 * ```
 */
export function planEpoch({ lengths, batch, bucket, shuffle, random }: EpochPlan): number[][] {
  if (!Number.isSafeInteger(batch) || batch < 1) {
    throw new OptionError(`Cannot plan epoch as batch must be a positive integer: found ${batch}`);
  }
  const order = Array.from(lengths, (_, index) => index);
  if (shuffle) shuffleInPlace(order, random);
  if (!bucket) return cut(order, batch);
  const byLength = (a: number, b: number) => (lengths[a] ?? 0) - (lengths[b] ?? 0);
  const batches = cut(order, batch * windowBatches)
    .flatMap((window) => cut(window.sort(byLength), batch));
  if (shuffle) shuffleInPlace(batches, random);
  return batches;
}

/** Batches of similar length in a fixed order, for evaluation: every example occurs once. */
export function batchesByLength(lengths: readonly number[], batch: number): number[][] {
  return planEpoch({ lengths, batch, bucket: true, shuffle: false, random: () => 0 });
}

/**
 * Pads sequences on the right to the longest of them.
 *
 * @throws {ShapeError} If there is no sequence or one is empty
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(packSequences([[5, 6], [7]], 0).ids, Uint32Array.of(5, 6, 7, 0));
 * ```
 */
export function packSequences(
  sequences: readonly (readonly number[])[],
  padId: number,
): PackedSequences {
  const lengths = sequences.map((sequence) => sequence.length);
  const empty = lengths.indexOf(0);
  if (lengths.length === 0 || empty >= 0) {
    const found = empty >= 0 ? `0 in sequence ${empty}` : "no sequence";
    throw new ShapeError(
      `Cannot pack sequences as at least 1 token in each is required: found ${found}`,
    );
  }
  const width = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const ids = new Uint32Array(sequences.length * width).fill(padId);
  sequences.forEach((sequence, row) => ids.set(sequence, row * width));
  return { ids, lengths, width };
}

function cut<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, part) => items.slice(part * size, (part + 1) * size));
}

function shuffleInPlace<T>(items: T[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
}
