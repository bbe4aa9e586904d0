/**
 * The learning rate's course: linear warm-up from zero, then linear to zero.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";

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
  if (step < warmup) return step / warmup;
  return Math.max(0, (steps - step) / Math.max(1, steps - warmup));
}
