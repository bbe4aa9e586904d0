/**
 * The training loop: which examples a step sees, when it evaluates, and what is reported. It knows
 * neither files nor the command line.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import { foldKey, type Key } from "../core/random.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import { AdamW } from "../nn/optim/adamw.ts";
import { requireDecayExclusions } from "../nn/optim/decay.ts";
import { isTrainedWhole } from "../nn/optim/groups.ts";
import type { TrainState } from "../nn/optim/train_step.ts";
import type { Trainable } from "../nn/optim/trainable.ts";
import { rateRatios, type TrainConfig } from "./config/config.ts";
import { epochExamples, stepWindows } from "./data/batches.ts";
import type { Processes } from "./distributed/shared_step.ts";
import { Evaluation, type EvaluationHooks, evaluationSteps } from "./evaluation.ts";
import { type BestEvaluation, type FitProgress, noProgress } from "./run/fit_progress.ts";
import { requireFiniteParameters, spaceForParameters } from "./run/diagnosis.ts";
import { learningRate, warmupSteps } from "./schedule.ts";
import { runStep, type StepRecord } from "./step.ts";
import type { Metrics, Task } from "./tasks/task.ts";

/** What the loop tells its caller. The signal ends it behind the step or batch that is running. */
export interface FitHooks extends EvaluationHooks {
  /** Called after each step, with the number of steps planned. */
  onStep?(record: StepRecord, steps: number): void | Promise<void>;
  /**
   * Called every `saveEvery` steps but for the last, once all parameters are known to be finite, with
   * what is to be remembered beside them.
   */
  onCheckpoint?(at: CheckpointedAt, progress: FitProgress): void | Promise<void>;
}

/** Where in a run a checkpoint is. */
export interface CheckpointedAt {
  /** Optimiser steps done. */
  readonly step: number;
  /** Passes over the data done, a fraction within one. */
  readonly epoch: number;
  /** Steps planned for the whole run. */
  readonly steps: number;
}

/** Where training ended, and the metrics of the last evaluation. */
export interface FitResult extends CheckpointedAt {
  /** Whether the signal ended it before the last step, or within the last evaluation. */
  readonly aborted: boolean;
  /** Whether it ended as too many evaluations in a row were not the best. */
  readonly stoppedEarly: boolean;
  /** Metrics of the last evaluation; none where a signal ended training before. */
  readonly metrics: Metrics;
  /** The best evaluation after the first step; undefined where there was none. */
  readonly best: BestEvaluation | undefined;
  /** Mean task loss of the steps of the last epoch, in nats; NaN where none was whole. */
  readonly lastEpochLoss: number;
  /** What a checkpoint is to remember. */
  readonly progress: FitProgress;
}

/** What a model is trained on, and how. */
export interface FitOptions {
  /** Tokenised data, and how a model is evaluated on them. */
  readonly task: Task;
  /** Settings of the run; its sizes are in examples and steps. */
  readonly config: TrainConfig;
  /** Which activations are dropped, how, and how that is compensated. */
  readonly plan: DropoutPlan;
  /** Root of all masks. */
  readonly key: Key;
  /** Root of the order of examples; default `key`. */
  readonly orderKey?: Key;
  /** What the run remembers of the steps before; default nothing. */
  readonly progress?: FitProgress;
  /** The processes that make the run together; default this one alone. */
  readonly processes?: Processes | undefined;
}

/**
 * Steps of an epoch and of the run.
 *
 * @throws {OptionError} If a batch is larger than the data
 */
export function planSteps(
  { batch, accumulate, epochs, maxSteps = Infinity, dropLast }: TrainConfig,
  examples: number,
): { perEpoch: number; steps: number } {
  const size = batch * accumulate;
  if (size > examples) {
    throw new OptionError(
      `Cannot use batches of ${size} examples as there are ${examples} training examples`,
    );
  }
  const perEpoch = Math.ceil(epochExamples(examples, { batch, dropLast }) / size);
  return { perEpoch, steps: Math.min(Math.ceil(perEpoch * epochs), maxSteps) };
}

/** The training examples of every step, by the root of the order. */
export function windowsOf(
  { train }: Pick<Task, "train">,
  config: TrainConfig,
  key: Key,
): (step: number) => readonly number[] {
  return stepWindows(train.map(({ ids }) => ids.length), {
    size: config.batch * config.accumulate,
    bucket: config.bucket,
    key: foldKey(key, "order"),
    examples: epochExamples(train.length, config),
  });
}

/**
 * The optimiser that a configuration asks for, before its first step.
 *
 * @throws {OptionError} If a learning rate of a head is given and there is none
 */
export function optimiserOf(trainable: Trainable, config: TrainConfig): AdamW {
  const { beta1, beta2, epsilon, weightDecay, decayExclude = [], clip, headLr } = config;
  requireDecayExclusions(decayExclude);
  if (headLr !== undefined && !trainable.names.some(isTrainedWhole)) {
    throw new OptionError("Cannot use --head-lr as a head that is trained is required: found none");
  }
  const rates = { beta1, beta2, epsilon, weightDecay, clip, ...rateRatios(config) };
  return new AdamW(trainable, { ...rates, decayExclude });
}

/**
 * Trains from `optimiser.steps` on to the end; where no step is left it evaluates at most.
 *
 * @throws {OptionError} If a batch is larger than the data, or the best metric is none of the task's
 * @throws {TrainingError} If the loss, the gradient, an evaluation, or a parameter that is about to
 * be saved is not finite
 */
export async function fit(
  state: TrainState,
  options: FitOptions,
  hooks: FitHooks = {},
): Promise<FitResult> {
  const { task, config, plan, key, progress = noProgress, processes } = options;
  const { perEpoch, steps, at, windowOf, rateOf, isEvaluated, isSaved } = planRun(options);
  const evaluation = new Evaluation(state, task, config, hooks, progress);
  const losses = new EpochLosses(progress);
  const remembered = () => ({ ...losses.progress, ...evaluation.progress });
  const ended = (step: number, how: Pick<FitResult, "aborted" | "stoppedEarly">): FitResult => {
    const { best, lastEpochLoss = NaN } = remembered();
    const { metrics } = evaluation;
    return { ...at(step), steps, ...how, metrics, best, lastEpochLoss, progress: remembered() };
  };
  const aborted = async (step: number) => {
    await requireFiniteParameters(state, step, config);
    return ended(step, { aborted: true, stoppedEarly: false });
  };
  const saved = async (step: number) => {
    if (!isSaved(step) || evaluation.isEnough) return;
    await requireFiniteParameters(state, step, config);
    await hooks.onCheckpoint?.({ ...at(step), steps }, remembered());
  };
  const before = spaceForParameters(state.optimiser.trainable);
  const start = state.optimiser.steps;
  let step = start;
  // A run that was stopped within an evaluation, or before its first step, has it still to come.
  const isDue = progress.evaluatedStep < step &&
    (step === 0 ? config.evalStart : isEvaluated(step));
  if (step >= steps || (isDue && !hooks.signal?.aborted)) {
    if (!await evaluation.run(at(step), step >= steps)) return await aborted(step);
    // A checkpoint that was saved within the evaluation does not know it.
    await saved(step);
  }
  while (step < steps && !evaluation.isEnough) {
    if (hooks.signal?.aborted) return await aborted(step);
    const record = await runStep(state, task, windowOf(step), {
      ...{ config, plan, processes },
      key: foldKey(foldKey(key, "dropout"), step),
      lr: rateOf(step),
      before,
      isFirst: step === start,
      ...at(++step),
    });
    losses.add(record.task_loss);
    await hooks.onStep?.(record, steps);
    if (step % perEpoch === 0 || step === steps) losses.endEpoch();
    if (isEvaluated(step) && !await evaluation.run(at(step), step === steps)) {
      return await aborted(step);
    }
    await saved(step);
  }
  const stoppedEarly = step < steps;
  if (stoppedEarly && !evaluation.isWhole && !await evaluation.run(at(step), true)) {
    return await aborted(step);
  }
  return ended(step, { aborted: false, stoppedEarly });
}

/** What a run sees, learns by and looks at, step by step. */
function planRun({ task, config, key, orderKey = key }: FitOptions) {
  const { perEpoch, steps } = planSteps(config, task.train.length);
  const course = { ...config, warmup: warmupSteps(config.warmup, steps), steps };
  return {
    perEpoch,
    steps,
    at: (step: number) => ({ step, epoch: step / perEpoch }),
    windowOf: windowsOf(task, config, orderKey),
    rateOf: (step: number) => learningRate(step, course),
    isEvaluated: evaluationSteps(config, perEpoch, steps),
    isSaved: (step: number) =>
      step > 0 && step < steps && step % (config.saveEvery ?? Infinity) === 0,
  };
}

/** Task losses of the epoch that runs, and of the last one. */
class EpochLosses {
  #sum: number;
  #steps: number;
  #last: number | undefined;

  constructor({ epochLoss, lastEpochLoss }: FitProgress) {
    this.#sum = epochLoss.sum;
    this.#steps = epochLoss.steps;
    this.#last = lastEpochLoss;
  }

  get progress(): Pick<FitProgress, "epochLoss" | "lastEpochLoss"> {
    return { epochLoss: { sum: this.#sum, steps: this.#steps }, lastEpochLoss: this.#last };
  }

  add(loss: number): void {
    this.#sum += loss;
    this.#steps++;
  }

  endEpoch(): void {
    this.#last = this.#sum / this.#steps;
    this.#sum = this.#steps = 0;
  }
}
