/**
 * One step of a run, made for what it takes: nothing is evaluated or written.
 *
 * @module
 */

import { multipleFrom, packRows } from "../nn/layers/pack_rows.ts";
import { countTargets } from "../nn/layers/batch.ts";
import type { TrainConfig } from "./config/config.ts";
import { type BatchSize, batchSize, largest } from "./data/batch_sizes.ts";
import { batchesOfStep, type Share } from "./data/batches.ts";
import { noSums } from "./distributed/device_sums.ts";
import { alone } from "./distributed/group.ts";
import { SharedStop } from "./distributed/shared_stop.ts";
import { fit, planSteps, windowsOf } from "./fit.ts";
import type { PreparedData, PreparedModel } from "./prepare.ts";
import { longestOf, paddedWidth } from "./step.ts";

/** What is known of a run but its model, as far as steps need it. */
export type StepData = Pick<PreparedData, "task" | "architecture" | "plan" | "keys">;

/** How large a step is. */
export interface StepSize {
  /** Steps before it. */
  readonly step: number;
  /** Tokens of all its batches, padding included. */
  readonly tokens: number;
  /** Its batches. */
  readonly batches: readonly BatchSize[];
}

/**
 * Sizes of the first steps.
 *
 * @param share That of one of several processes; default this one alone
 * @param count How many; default those of an epoch
 */
export function stepSizes(
  { task, keys, architecture }: StepData,
  config: TrainConfig,
  share?: Share,
  count = planSteps(config, task.train.length).perEpoch,
): StepSize[] {
  const windowOf = windowsOf(task, config, keys.order);
  const { padMultiple = 1 } = config;
  const widthOf = (own: readonly number[]) => paddedWidth(own, config, { config: architecture });
  const longest = widthOf([longestOf(task)]);
  const targets = task.train.map((example) => countTargets([example]));
  return Array.from({ length: count }, (_, step) => {
    const window = windowOf(step);
    const lengths = window.map((number) => task.train[number]!.ids.length);
    const batches = batchesOfStep(lengths, config, share).map((positions) => {
      const own = positions.map((position) => lengths[position]!);
      const { size, width } = config.pack
        ? packRows(own, longest, padMultiple)
        : { size: own.length, width: widthOf(own) };
      const losses = positions.reduce((sum, position) => sum + targets[window[position]!]!, 0);
      return batchSize(size, width, task.labels > 0 ? losses : multipleFrom(losses, padMultiple));
    });
    return { step, tokens: batches.reduce((sum, { tokens }) => sum + tokens, 0), batches };
  });
}

/** Examples of which batches are looked at, an epoch's at least: their order alone takes time. */
const mostExamples = 2 ** 17;

/** The steps of a run that may take most memory, by the steps before each. */
export function largestSteps(data: StepData, config: TrainConfig, share?: Share): number[] {
  const { perEpoch, steps } = planSteps(config, data.task.train.length);
  const seen = Math.max(perEpoch, Math.floor(mostExamples / (config.batch * config.accumulate)));
  const sizes = stepSizes(data, config, share, Math.max(1, Math.min(steps, seen)));
  const batches = sizes.flatMap(({ step, batches }) =>
    batches.map((batch) => ({ step, ...batch }))
  );
  // A process may have no example in any step.
  return [...new Set([...largest(batches).map(({ step }) => step), ...batches.length ? [] : [0]])];
}

/**
 * Makes the step that comes behind so many, and gives its seconds.
 *
 * @param share That of one of several processes, which adds up nothing
 */
export async function makeStep(
  { task, plan, keys }: StepData,
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
    processes: share && {
      group: { ...alone, ...share },
      stop: new SharedStop(undefined),
      sums: config.distributed === "nccl" ? noSums : undefined,
    },
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
