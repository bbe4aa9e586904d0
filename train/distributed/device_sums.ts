/**
 * Sums over processes that are made where the numbers lie: on cards, in the order of what is queued.
 *
 * @module
 */

import type { Tensor } from "../../core/tensor.ts";

/** Sums that all processes queue in the same order. */
export interface DeviceSums extends AsyncDisposable {
  /** What makes them, for the log. */
  readonly name: string;
  /**
   * Queues that tensors of floats be replaced by their sums over all processes, behind all that was
   * queued. The card is not waited for.
   *
   * @throws {TrainingError} If a process is lost
   */
  queue(tensors: readonly Tensor[]): Promise<void>;
  /**
   * Waits for a read behind sums.
   *
   * @throws {TrainingError} If a process is lost, or does not sum in time: the sums never end then
   */
  settled<T>(read: Promise<T>): Promise<T>;
  /** Meets the others once no sum is to come; without it, the sums are broken off. */
  finish(): Promise<void>;
}

/** Sums over one process. */
export const noSums: DeviceSums = {
  name: "nothing",
  queue: () => Promise.resolve(),
  settled: (read) => read,
  finish: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
