/**
 * The training loop: which examples a step sees, and what is reported. It knows neither files nor
 * the command line.
 *
 * @module
 */

import { OptionError, TrainingError } from "../core/errors.ts";
import { foldKey, type Key, threefry } from "../core/random.ts";
import type { Device } from "../core/storage.ts";
import { type EncodedExample, toBatch } from "../nn/objective/batch.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import type { TrainConfig } from "./config/config.ts";
import { planEpoch } from "./data/batches.ts";
import { linearSchedule, warmupSteps } from "./schedule.ts";
import { type StepMetrics, type TrainState, trainStep } from "../nn/optim/train_step.ts";
import type { Metrics, Task } from "./tasks/task.ts";

/** One step, as it is logged. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number;
  /** Passes over the data done. */
  readonly epoch: number;
  /** What was minimised. */
  readonly loss: number;
  /** Loss of the task alone. */
  readonly task_loss: number;
  /** Compensation before its weight; absent where there is none. */
  readonly compensation?: number;
  /** Norm of the gradient before clipping. */
  readonly grad_norm: number;
  /** Step size. */
  readonly learning_rate: number;
}

/** An evaluation, as it is logged; figures are named `eval_…`. */
export type EvaluationRecord = { readonly step: number; readonly epoch: number } & Metrics;

/** What the loop tells its caller. */
export interface FitHooks {
  /** Ends the loop after the step that is running. */
  readonly signal?: AbortSignal;
  /** After each step. */
  onStep?(record: StepRecord, steps: number): void | Promise<void>;
  /** After each evaluation. */
  onEvaluation?(record: EvaluationRecord): void | Promise<void>;
  /** Where a checkpoint is due. */
  onCheckpoint?(step: number, epoch: number, steps: number): void | Promise<void>;
}

/** How training went. */
export interface FitResult {
  /** Steps done. */
  readonly step: number;
  /** Steps planned. */
  readonly steps: number;
  /** Passes over the data done. */
  readonly epoch: number;
  /** Whether the signal ended it. */
  readonly aborted: boolean;
  /** Last evaluation. */
  readonly figures: Metrics;
  /** Best primary figure of all evaluations. */
  readonly best: number;
  /** Mean task loss of the last epoch. */
  readonly lastEpochLoss: number;
}

/** A window of examples that makes one step. */
interface Window {
  readonly members: readonly number[];
  readonly epoch: number;
  readonly last: boolean;
}

/**
 * Steps of an epoch and of the run.
 *
 * @throws {OptionError} If a batch is larger than the data
 */
export function planSteps(
  { batch, accumulate, epochs, maxSteps = Infinity }: TrainConfig,
  examples: number,
): { perEpoch: number; steps: number } {
  const size = batch * accumulate;
  if (size > examples) {
    throw new OptionError(
      `Cannot use batches of ${size} examples as there are ${examples} training examples`,
    );
  }
  const perEpoch = Math.ceil(examples / size);
  return { perEpoch, steps: Math.min(Math.ceil(perEpoch * epochs), maxSteps) };
}

/**
 * Trains from `trainable.steps` on to the end; where no step is left it evaluates alone.
 *
 * @param key Root of order and masks
 * @throws {OptionError} If a batch is larger than the data
 * @throws {TrainingError} If the loss, the gradient, an evaluation, or a parameter that is about to
 * be saved is not finite
 */
export async function fit(
  state: TrainState,
  task: Task,
  device: Device,
  config: TrainConfig,
  plan: DropoutPlan,
  key: Key,
  hooks: FitHooks = {},
): Promise<FitResult> {
  const examples = task.train;
  const { perEpoch, steps } = planSteps(config, examples.length);
  const warmup = warmupSteps(config.warmup, steps);
  let [figures, best, epochLoss, epochSteps]: [Metrics, number, number, number] = [{}, NaN, 0, 0];
  let lastEpochLoss = NaN;
  const start = state.trainable.steps;
  const evaluate = async (step: number, epoch: number) => {
    if (step >= steps) await requireFiniteParameters(state, step);
    figures = await task.evaluate(state.model, device, step >= steps);
    const primary = figures[task.primary]!;
    const better = task.primary === "loss" ? primary < best : primary > best;
    if (Number.isNaN(best) || better) best = primary;
    const named = Object.entries(figures).map(([name, value]) => [`eval_${name}`, value] as const);
    for (const [name, value] of named) requireFinite(name, value, step);
    await hooks.onEvaluation?.({ step, epoch, ...Object.fromEntries(named) });
  };
  for (let step = start; step < steps; step++) {
    if (hooks.signal?.aborted) {
      await requireFiniteParameters(state, step);
      return { step, steps, epoch: step / perEpoch, aborted: true, figures, best, lastEpochLoss };
    }
    const window = windowAt(examples, step, perEpoch, config, key);
    const record = await runStep(state, task, device, window, {
      config,
      plan,
      key: foldKey(foldKey(key, "dropout"), step),
      learningRate: config.lr * linearSchedule(step, warmup, steps),
      step,
      epoch: (step + 1) / perEpoch,
    });
    await hooks.onStep?.(record, steps);
    epochLoss += record.task_loss;
    epochSteps++;
    const done = step + 1;
    if (window.last || done === steps) {
      lastEpochLoss = epochLoss / epochSteps;
      [epochLoss, epochSteps] = [0, 0];
      await evaluate(done, record.epoch);
    }
    if (config.saveEvery !== undefined && done % config.saveEvery === 0 && done < steps) {
      await requireFiniteParameters(state, done);
      await hooks.onCheckpoint?.(done, record.epoch, steps);
    }
  }
  const step = Math.max(start, steps);
  const epoch = step / perEpoch;
  if (start >= steps) await evaluate(step, epoch);
  return { step, steps, epoch, aborted: false, figures, best, lastEpochLoss };
}

interface StepSettings {
  readonly config: TrainConfig;
  readonly plan: DropoutPlan;
  readonly key: Key;
  readonly learningRate: number;
  readonly step: number;
  readonly epoch: number;
}

async function runStep(
  state: TrainState,
  task: Task,
  device: Device,
  { members }: Window,
  { config, plan, key, learningRate, step, epoch }: StepSettings,
): Promise<StepRecord> {
  using _scope = device.scope("step");
  // Masks follow an example's place in the window, so the layout in batches cannot move them.
  const order = members.map((_, place) => place);
  const examples = members.map((i) => task.train[i]!);
  if (config.bucket) order.sort((a, b) => examples[b]!.ids.length - examples[a]!.ids.length);
  const batches: number[][] = [];
  for (let at = 0; at < order.length; at += config.batch) {
    batches.push(order.slice(at, at + config.batch));
  }
  const labelled = batches.map((places) =>
    toBatch(device, places.map((p) => examples[p]!), places, task.padId, task.regression)
  );
  const figures = trainStep(state, labelled, key, {
    plan,
    smoothing: config.smoothing,
    regression: task.regression,
    optimiser: {
      lr: learningRate,
      betas: [config.beta1, config.beta2],
      epsilon: config.epsilon,
      weightDecay: config.weightDecay,
      clip: config.clip,
    },
  });
  return {
    step: step + 1,
    epoch,
    learning_rate: learningRate,
    ...await readFigures(figures, step),
  };
}

async function readFigures({ loss, task, compensation, squaredNorm }: StepMetrics, step: number) {
  const read = {
    loss: await loss.item(),
    task_loss: await task.item(),
    ...(compensation && { compensation: await compensation.item() }),
    grad_norm: Math.sqrt(await squaredNorm.item()),
  };
  for (const [name, value] of Object.entries(read)) requireFinite(name, value, step + 1);
  return read;
}

/** Refuses what must not be saved: the loss of a step is that before its update. */
async function requireFiniteParameters({ trainable }: TrainState, step: number): Promise<void> {
  const values = await trainable.flat.read();
  const found = values.find((value) => !Number.isFinite(value));
  if (found !== undefined) requireFinite("every trained parameter", found, step);
}

function requireFinite(name: string, value: number, step: number): void {
  if (Number.isFinite(value)) return;
  throw new TrainingError(
    `Cannot go on after step ${step} as ${name} must be finite: found ${value}; ` +
      "lower the learning rate",
  );
}

/** The examples of a step: a function of step and key alone, so that a resumed run sees the same. */
function windowAt(
  examples: readonly EncodedExample[],
  step: number,
  perEpoch: number,
  { batch, accumulate, bucket }: TrainConfig,
  key: Key,
): Window {
  const epoch = Math.floor(step / perEpoch);
  const order = foldKey(foldKey(key, "order"), epoch);
  let plan = plans.get(examples);
  if (plan?.order[0] !== order[0] || plan.order[1] !== order[1]) {
    let drawn = 0;
    const windows = planEpoch({
      lengths: examples.map(({ ids }) => ids.length),
      batch: batch * accumulate,
      bucket,
      shuffle: true,
      random: () => threefry(order, 0, drawn++)[0] / 2 ** 32,
    });
    plans.set(examples, plan = { order, windows });
  }
  const members = plan.windows[step % perEpoch]!;
  return { members, epoch, last: step % perEpoch === perEpoch - 1 };
}

/** The plan of the epoch that runs, so that it is not made anew at every step. */
const plans = new WeakMap<readonly EncodedExample[], { order: Key; windows: number[][] }>();
