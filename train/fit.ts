/**
 * The training loop: which examples a step sees, and what is reported. It knows neither files nor
 * the command line.
 *
 * @module
 */

import { OptionError, TrainingError } from "../core/errors.ts";
import { foldKey, type Key } from "../core/random.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import { toBatch } from "../nn/layers/batch.ts";
import type { StepMetrics } from "../nn/objective/objective.ts";
import { AdamW } from "../nn/optim/adamw.ts";
import { requireDecayExclusions } from "../nn/optim/decay.ts";
import { type TrainState, trainStep } from "../nn/optim/train_step.ts";
import type { Trainable } from "../nn/optim/trainable.ts";
import type { TrainConfig } from "./config/config.ts";
import { stepWindows } from "./data/batches.ts";
import { linearSchedule, warmupSteps } from "./schedule.ts";
import type { Prediction } from "./tasks/prediction.ts";
import type { Metrics, Task } from "./tasks/task.ts";

/** One step, as it is logged. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number;
  /** Passes over the data done, a fraction within one. */
  readonly epoch: number;
  /** What was minimised, before the update: task loss and weighted compensation. */
  readonly loss: number;
  /** Mean cross-entropy or squared error a label. */
  readonly task_loss: number;
  /** Compensation before its weight; absent where there is none. */
  readonly compensation?: number;
  /** Norm of the gradient before clipping. */
  readonly grad_norm: number;
  /** Learning rate of the step, by the schedule. */
  readonly learning_rate: number;
}

/** An evaluation, as it is logged; its metrics are named `eval_…`. */
export type EvaluationRecord = { readonly step: number; readonly epoch: number } & Metrics;

/** What the loop tells its caller. */
export interface FitHooks {
  /** Ends the loop after the step that is running. */
  readonly signal?: AbortSignal;
  /** Called after each step, with the number of steps planned. */
  onStep?(record: StepRecord, steps: number): void | Promise<void>;
  /**
   * Called after each evaluation, at the end of each epoch and after the last step, with what the
   * model says of each development example.
   */
  onEvaluation?(
    record: EvaluationRecord,
    predictions: readonly Prediction[],
  ): void | Promise<void>;
  /**
   * Called every `saveEvery` steps but for the last, once all parameters are known to be finite.
   */
  onCheckpoint?(step: number, epoch: number, steps: number): void | Promise<void>;
}

/** Where training ended, and the metrics of the last evaluation. */
export interface FitResult {
  /** Optimiser steps done. */
  readonly step: number;
  /** Steps planned for the whole run. */
  readonly steps: number;
  /** Passes over the data done, a fraction within one. */
  readonly epoch: number;
  /** Whether the signal ended it before the last step. */
  readonly aborted: boolean;
  /** Metrics of the last evaluation; none where a signal ended training before. */
  readonly metrics: Metrics;
  /** Best value of the primary metric over all evaluations; NaN where there was none. */
  readonly best: number;
  /** Mean task loss of the steps of the last epoch, in nats; NaN where none was whole. */
  readonly lastEpochLoss: number;
}

/** What a model is trained on, and how. */
export interface FitOptions {
  /** Tokenised data, and how a model is evaluated on them. */
  readonly task: Task;
  /** Settings of the run; its sizes are in examples and steps. */
  readonly config: TrainConfig;
  /** Which activations are dropped, how, and how that is compensated. */
  readonly plan: DropoutPlan;
  /** Root of the order of examples and of all masks. */
  readonly key: Key;
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

/** The optimiser that a configuration asks for, before its first step. */
export function optimiserOf(
  trainable: Trainable,
  { beta1, beta2, epsilon, weightDecay, decayExclude = [], clip, loraplusRatio }: TrainConfig,
): AdamW {
  requireDecayExclusions(decayExclude);
  const rates = { beta1, beta2, epsilon, weightDecay, clip, loraplusRatio };
  return new AdamW(trainable, { ...rates, decayExclude });
}

/**
 * Trains from `optimiser.steps` on to the end; where no step is left it evaluates alone.
 *
 * @throws {OptionError} If a batch is larger than the data
 * @throws {TrainingError} If the loss, the gradient, an evaluation, or a parameter that is about to
 * be saved is not finite
 */
export async function fit(
  state: TrainState,
  { task, config, plan, key }: FitOptions,
  hooks: FitHooks = {},
): Promise<FitResult> {
  const { perEpoch, steps } = planSteps(config, task.train.length);
  const { batch, accumulate, bucket, saveEvery } = config;
  const windowOf = stepWindows(task.train.map(({ ids }) => ids.length), {
    size: batch * accumulate,
    bucket,
    key: foldKey(key, "order"),
  });
  const warmup = warmupSteps(config.warmup, steps);
  const evaluation = new Evaluation(state, task, hooks);
  let lastEpochLoss = NaN;
  let losses: number[] = [];
  const start = state.optimiser.steps;
  for (let step = start; step < steps; step++) {
    if (hooks.signal?.aborted) {
      await requireFiniteParameters(state, step);
      const { metrics, best } = evaluation;
      return { step, steps, epoch: step / perEpoch, aborted: true, metrics, best, lastEpochLoss };
    }
    const done = step + 1;
    const epoch = done / perEpoch;
    const record = await runStep(state, task, windowOf(step), {
      config,
      plan,
      key: foldKey(foldKey(key, "dropout"), step),
      lr: config.lr * linearSchedule(step, warmup, steps),
      step: done,
      epoch,
    });
    await hooks.onStep?.(record, steps);
    losses.push(record.task_loss);
    if (done % perEpoch === 0 || done === steps) {
      lastEpochLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      losses = [];
      await evaluation.run({ step: done, epoch }, done === steps);
    }
    if (saveEvery !== undefined && done % saveEvery === 0 && done < steps) {
      await requireFiniteParameters(state, done);
      await hooks.onCheckpoint?.(done, epoch, steps);
    }
  }
  const step = Math.max(start, steps);
  const epoch = step / perEpoch;
  if (start >= steps) await evaluation.run({ step, epoch }, true);
  const { metrics, best } = evaluation;
  return { step, steps, epoch, aborted: false, metrics, best, lastEpochLoss };
}

/** Evaluations of a run: the last one, and the best. */
class Evaluation {
  /** Metrics of the last evaluation, none before the first. */
  metrics: Metrics = {};
  /** Best value of the task's primary metric. */
  best = NaN;
  readonly #state: TrainState;
  readonly #task: Task;
  readonly #hooks: FitHooks;

  constructor(state: TrainState, task: Task, hooks: FitHooks) {
    this.#state = state;
    this.#task = task;
    this.#hooks = hooks;
  }

  /** Evaluates after a step; after the last one, with what is saved then and is costly. */
  async run(at: { readonly step: number; readonly epoch: number }, final: boolean): Promise<void> {
    const { model, optimiser } = this.#state;
    const { primary } = this.#task;
    if (final) await requireFiniteParameters(this.#state, at.step);
    const { device } = optimiser.trainable;
    const predictions: Prediction[] = [];
    const collect = (prediction: Prediction) => void predictions.push(prediction);
    this.metrics = await this.#task.evaluate(model, device, final, undefined, collect);
    const value = this.metrics[primary]!;
    const better = primary === "loss" ? value < this.best : value > this.best;
    if (Number.isNaN(this.best) || better) this.best = value;
    const named = Object.entries(this.metrics).map(([name, x]) => [`eval_${name}`, x] as const);
    for (const [name, x] of named) requireFinite(name, x, at.step);
    await this.#hooks.onEvaluation?.({ ...at, ...Object.fromEntries(named) }, predictions);
  }
}

interface StepSettings {
  readonly config: TrainConfig;
  readonly plan: DropoutPlan;
  readonly key: Key;
  readonly lr: number;
  readonly step: number;
  readonly epoch: number;
}

async function runStep(
  state: TrainState,
  task: Task,
  members: readonly number[],
  { config, plan, key, lr, step, epoch }: StepSettings,
): Promise<StepRecord> {
  const { device } = state.optimiser.trainable;
  using _scope = device.scope("step");
  const examples = members.map((i) => task.train[i]!);
  // Masks follow an example's position in the window, so the layout in batches cannot move them.
  const order = examples.map((_, position) => position);
  if (config.bucket) order.sort((a, b) => examples[b]!.ids.length - examples[a]!.ids.length);
  const batches = Array.from({ length: Math.ceil(order.length / config.batch) }, (_, i) => {
    const positions = order.slice(i * config.batch, (i + 1) * config.batch);
    const batch = positions.map((position) => examples[position]!);
    return toBatch(device, batch, {
      numbers: positions,
      padId: task.padId,
      regression: task.regression,
    });
  });
  const metrics = trainStep(state, batches, key, {
    plan,
    smoothing: config.smoothing,
    regression: task.regression,
    lr,
  });
  return { step, epoch, learning_rate: lr, ...await readMetrics(metrics, step) };
}

async function readMetrics({ loss, task, compensation, squaredNorm }: StepMetrics, step: number) {
  const read = {
    loss: await loss.item(),
    task_loss: await task.item(),
    ...(compensation && { compensation: await compensation.item() }),
    grad_norm: Math.sqrt(await squaredNorm.item()),
  };
  for (const [name, value] of Object.entries(read)) requireFinite(name, value, step);
  return read;
}

/** Refuses what must not be saved: the loss of a step is that before its update. */
async function requireFiniteParameters({ optimiser }: TrainState, step: number): Promise<void> {
  const values = await optimiser.trainable.flat.read();
  const found = values.find((value) => !Number.isFinite(value));
  if (found !== undefined) requireFinite("every trained parameter", found, step);
}

function requireFinite(name: string, value: number, step: number): void {
  if (Number.isFinite(value)) return;
  throw new TrainingError(
    `Cannot go on after step ${step} as ${name} must be finite: found ${value}; ` +
      // A loss is that before its update.
      (step === 1 && /loss|compensation/.test(name)
        ? "nothing was updated yet: look for numbers too large among --alpha, --kl, labels and weights"
        : "lower the learning rate"),
  );
}
