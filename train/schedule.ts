/**
 * The learning rate's course: linear warm-up from zero, then a fall to a floor.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import type { ScheduleName } from "./config/optimiser_options.ts";

/**
 * Warm-up in steps.
 *
 * @param warmup Below 1 a share of the steps, rounded up; else steps
 * @throws {OptionError} If it is negative
 */
export function warmupSteps(warmup: number, steps: number): number {
  if (!(warmup >= 0)) throw new OptionError(`Cannot warm up for ${warmup}: at least 0 is required`);
  return warmup < 1 ? Math.ceil(warmup * steps) : Math.round(warmup);
}

/** Factor of the learning rate at a step, from 0. */
export function linearSchedule(step: number, warmup: number, steps: number): number {
  return step < warmup ? step / warmup : restAt(step, warmup, steps);
}

/** How a learning rate runs over the steps of a run. */
export interface Course {
  /** Kind of the fall after warm-up. */
  readonly schedule: ScheduleName;
  /** Learning rate at the end of warm-up. */
  readonly lr: number;
  /** Learning rate that the fall ends at; a constant rate never falls. */
  readonly minLr: number;
  /** Power of the polynomial fall. */
  readonly power: number;
  /** Steps of warm-up. */
  readonly warmup: number;
  /** Steps of the run. */
  readonly steps: number;
}

/** Share of the fall that is still to come, by the share of the steps after warm-up that is. */
const falls: Readonly<Record<ScheduleName, (rest: number, power: number) => number>> = {
  linear: (rest) => rest,
  cosine: (rest) => (1 - Math.cos(Math.PI * rest)) / 2,
  constant: () => 1,
  polynomial: (rest, power) => rest ** power,
};

/**
 * Learning rate at a step, from 0. The courses are those of transformers' `linear`,
 * `cosine_with_min_lr`, `constant_with_warmup` and `polynomial`, which has the floor as `lr_end`.
 */
export function learningRate(
  step: number,
  { schedule, lr, minLr, power, warmup, steps }: Course,
): number {
  if (step < warmup) return lr * (step / warmup);
  return minLr + (lr - minLr) * falls[schedule](restAt(step, warmup, steps), power);
}

/** Share of the steps after warm-up that is still to come. */
function restAt(step: number, warmup: number, steps: number): number {
  return Math.max(0, (steps - step) / Math.max(1, steps - warmup));
}
