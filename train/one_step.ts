/**
 * One step of a run, made for what it takes: nothing is evaluated or written.
 *
 * @module
 */

import { packRows } from "../nn/layers/pack_rows.ts";
import type { TrainConfig } from "./config/config.ts";
import { batchesOfStep, type Share } from "./data/batches.ts";
import { alone } from "./distributed/group.ts";
import { SharedStop } from "./distributed/shared_stop.ts";
import { fit, planSteps, windowsOf } from "./fit.ts";
import type { PreparedData, PreparedModel } from "./prepare.ts";
import { longestOf, paddedWidth } from "./step.ts";

/** How large a step is. */
export interface StepSize {
  /** Steps before it. */
  readonly step: number;
  /** Tokens of all its batches, padding included. */
  readonly tokens: number;
  /** Tokens of its largest batch. */
  readonly largest: number;
}

/** Sizes of the steps of the first epoch, for the share of one of several processes where that is given. */
export function stepSizes(
  { task, keys, architecture }: PreparedData,
  config: TrainConfig,
  share?: Share,
): StepSize[] {
  const { perEpoch } = planSteps(config, task.train.length);
  const windowOf = windowsOf(task, config, keys.order);
  const longest = longestOf(task);
  return Array.from({ length: perEpoch }, (_, step) => {
    const lengths = windowOf(step).map((number) => task.train[number]!.ids.length);
    const batches = batchesOfStep(lengths, config, share)
      .map((batch) => batch.map((position) => lengths[position]!))
      .map((own) =>
        config.pack
          ? packedTokens(own, longest)
          : own.length * paddedWidth(own, config, { config: architecture })
      );
    const tokens = batches.reduce((sum, x) => sum + x, 0);
    return { step, tokens, largest: Math.max(0, ...batches) };
  });
}

/** Tokens of the rows that examples share, padding included. */
function packedTokens(lengths: readonly number[], most: number): number {
  const { size, width } = packRows(lengths, most);
  return size * width;
}

/** The step with the largest batch. */
export function largestStep(sizes: readonly StepSize[]): StepSize {
  return sizes.reduce((a, b) => b.largest > a.largest ? b : a);
}

/**
 * Makes the step that comes behind so many, and gives its seconds.
 *
 * @param share That of one of several processes, which adds up nothing
 */
export async function makeStep(
  { task, plan, keys }: PreparedData,
  { model, optimiser }: PreparedModel,
  config: TrainConfig,
  step: number,
  share?: Share,
): Promise<number> {
  const { maxSteps: _, saveEvery: __, bestMetric: ___, ...rest } = config;
  const settings = {
    task: { ...task, evaluate: () => Promise.resolve({ loss: 0, [task.primary]: 0 }) },
    config: { ...rest, evalStart: false, epochs: Math.max(1, config.epochs) },
    plan,
    key: keys.masks,
    orderKey: keys.order,
    processes: share && { group: { ...alone, ...share }, stop: new SharedStop(undefined) },
  };
  const stop = new AbortController();
  optimiser.steps = step;
  const started = performance.now();
  let ended = started;
  await fit({ model, optimiser }, settings, {
    signal: stop.signal,
    onStep() {
      ended = performance.now();
      stop.abort();
    },
  });
  return (ended - started) / 1000;
}
