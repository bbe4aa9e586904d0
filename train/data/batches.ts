/**
 * Which examples form a batch, and which an optimiser step.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { foldKey, type Key, threefry } from "../../core/random.ts";

/** Settings of {@linkcode planEpoch}. */
export interface EpochPlan {
  /** Number of tokens of every example. */
  readonly lengths: readonly number[];
  /** Examples in a batch; the last one may have fewer. */
  readonly batch: number;
  /** Whether to batch examples of similar length. */
  readonly bucket: boolean;
  /** Whether to draw a random order. */
  readonly shuffle: boolean;
  /** Source of uniform numbers in [0, 1); called only if `shuffle` is set. */
  readonly random: () => number;
  /** Examples that occur, the first of the random order; default all. */
  readonly examples?: number;
}

const windowBatches = 50;

/**
 * Examples of an epoch: all, or as many as fill whole batches, as PyTorch's `drop_last` has it.
 *
 * @param count Training examples
 */
export function epochExamples(
  count: number,
  { batch, dropLast }: { readonly batch: number; readonly dropLast: boolean },
): number {
  return dropLast ? count - count % batch : count;
}

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
export function planEpoch(
  { lengths, batch, bucket, shuffle, random, examples = lengths.length }: EpochPlan,
): number[][] {
  if (!Number.isSafeInteger(batch) || batch < 1) {
    throw new OptionError(`Cannot plan epoch as batch must be a positive integer: found ${batch}`);
  }
  const all = Array.from(lengths, (_, index) => index);
  if (shuffle) shuffleInPlace(all, random);
  // Left out before lengths are looked at: who is left out is drawn anew each epoch.
  const order = all.slice(0, examples);
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

/** Settings of {@linkcode stepWindows}. */
export interface WindowOptions {
  /** Examples in an optimiser step; the last step of an epoch may have fewer. */
  readonly size: number;
  /** Whether steps have examples of similar length. */
  readonly bucket: boolean;
  /** Root of the orders of all epochs. */
  readonly key: Key;
  /** Examples of an epoch, drawn anew for each; default all. */
  readonly examples?: number;
}

/**
 * The examples of every optimiser step: a function of step and key alone, so that a resumed run sees
 * the same.
 *
 * @param lengths Number of tokens of every example
 * @returns From a step, counted from 0, to positions in `lengths`
 */
export function stepWindows(
  lengths: readonly number[],
  { size, bucket, key, examples = lengths.length }: WindowOptions,
): (step: number) => readonly number[] {
  const perEpoch = Math.ceil(examples / size);
  // The plan of the epoch that runs is kept: it would be the same at every step.
  let current: { readonly epoch: number; readonly windows: readonly number[][] } | undefined;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (current?.epoch !== epoch) {
      const random = drawsOf(foldKey(key, epoch));
      const plan = { lengths, batch: size, bucket, shuffle: true, random, examples };
      const windows = planEpoch(plan);
      current = { epoch, windows };
    }
    return current.windows[step % perEpoch]!;
  };
}

/** One of several processes that share examples. */
export interface Share {
  /** Number of the process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
}

/**
 * Positions of a step's examples, cut into its batches: the longest first where similar lengths go
 * together. Processes take turns, so that each has examples of all lengths.
 *
 * @param lengths Number of tokens of the examples of the step
 * @param share Whose examples; default one process has all. It may have none
 */
export function batchesOfStep(
  lengths: readonly number[],
  { batch, bucket }: { readonly batch: number; readonly bucket: boolean },
  { rank, size }: Share = { rank: 0, size: 1 },
): number[][] {
  const order = lengths.map((_, position) => position);
  if (bucket) order.sort((a, b) => lengths[b]! - lengths[a]!);
  return cut(order.filter((_, turn) => turn % size === rank), batch);
}

/** Items in a random order that the key alone decides. */
export function shuffled<T>(items: readonly T[], key: Key): T[] {
  const order = [...items];
  shuffleInPlace(order, drawsOf(key));
  return order;
}

/** Uniform numbers in [0, 1), one after the other. */
function drawsOf(key: Key): () => number {
  let drawn = 0;
  return () => threefry(key, 0, drawn++)[0] / 2 ** 32;
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
