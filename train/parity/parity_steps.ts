/**
 * The optimiser steps of a parity case, and what they are compared with.
 *
 * @module
 */

import { seedKey } from "../../core/random.ts";
import type { Batch } from "../../nn/layers/batch.ts";
import { AdamW } from "../../nn/optim/adamw.ts";
import { type TrainState, trainStep } from "../../nn/optim/train_step.ts";
import type { Trainable } from "../../nn/optim/trainable.ts";
import { linearSchedule } from "../schedule.ts";
import type { Comparison } from "./parity_rows.ts";

/** Hyper-parameters of a case's steps. */
export interface CaseTraining {
  /** Peak learning rate. */
  readonly lr: number;
  /** Decoupled decay. */
  readonly weight_decay: number;
  /** Decay of the running means. */
  readonly betas: readonly [number, number];
  /** Summand of the denominator. */
  readonly eps: number;
  /** Steps of warm-up. */
  readonly warmup_steps: number;
  /** Steps in all. */
  readonly total_steps: number;
  /** Largest norm of the gradient. */
  readonly max_grad_norm: number;
}

/** What a case says of its steps. */
export interface CaseSteps {
  /** Hyper-parameters. */
  readonly training: CaseTraining;
  /** Loss of each step. */
  readonly losses: number[];
  /** Norm of each step's gradient before clipping. */
  readonly grad_norms: number[];
  /** Learning rate of each step. */
  readonly learning_rates: number[];
}

/** The optimiser of a case, before its first step. */
export function caseOptimiser(trainable: Trainable, training: CaseTraining): AdamW {
  return new AdamW(trainable, {
    beta1: training.betas[0],
    beta2: training.betas[1],
    epsilon: training.eps,
    weightDecay: training.weight_decay,
    clip: training.max_grad_norm,
  });
}

/**
 * Trains as a case says, and compares every step.
 *
 * @param batchOf Makes the batch of a step, in the scope of that step
 * @param regression Whether labels are scores
 */
export async function compareSteps(
  rows: Comparison,
  state: TrainState,
  { training, losses, grad_norms, learning_rates }: CaseSteps,
  batchOf: (step: number) => Batch,
  regression: boolean,
): Promise<void> {
  const { total_steps: steps, warmup_steps: warmup } = training;
  const found = { losses: [] as number[], norms: [] as number[], rates: [] as number[] };
  for (let step = 0; step < steps; step++) {
    using _step = state.optimiser.trainable.device.scope("step");
    const lr = training.lr * linearSchedule(step, warmup, steps);
    const { task, squaredNorm } = trainStep(state, [batchOf(step)], seedKey(0), {
      regression,
      lr,
    });
    found.losses.push(await task.item());
    found.norms.push(Math.sqrt(await squaredNorm.item()));
    found.rates.push(lr);
  }
  rows.numbers("losses", found.losses, losses);
  rows.numbers("grad_norms", found.norms, grad_norms);
  rows.numbers("learning_rates", found.rates, learning_rates);
}
