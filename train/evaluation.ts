/**
 * Evaluations of a run: when they come, which is the best, and whether there were enough.
 *
 * @module
 */

import { NumericError, OptionError, TrainingError } from "../core/errors.ts";
import type { TrainState } from "../nn/optim/train_step.ts";
import type { TrainConfig } from "./config/config.ts";
import { isBetter } from "./metrics/direction.ts";
import type { BestEvaluation, FitProgress } from "./run/fit_progress.ts";
import { requireFiniteParameters } from "./run/diagnosis.ts";
import type { Prediction } from "./tasks/prediction.ts";
import type { ProgressHooks } from "./tasks/progress.ts";
import type { Metrics, Task } from "./tasks/task.ts";

/** An evaluation, as it is logged; its metrics are named `eval_…`. */
export type EvaluationRecord = { readonly step: number; readonly epoch: number } & Metrics;

/** What evaluations tell their caller. */
export interface EvaluationHooks extends ProgressHooks {
  /** Ends an evaluation behind the batch that is running. */
  readonly signal?: AbortSignal;
  /** Called before each evaluation but that before the first step: what was learned can be saved. */
  beforeEvaluation?(at: EvaluatedAt): void | Promise<void>;
  /**
   * Called after each evaluation: before the first step, at the end of each epoch, after the last step.
   *
   * @param isBest Whether it is the best one so far
   */
  onEvaluation?(record: EvaluationRecord, isBest: boolean): void | Promise<void>;
  /** Called before `onEvaluation` with what the model says of each development example. */
  onPredictions?(predictions: readonly Prediction[], at: EvaluatedAt): void | Promise<void>;
  /** Called after each evaluation that is the best one so far. */
  onBest?(best: BestEvaluation): void | Promise<void>;
}

/** Where in a run an evaluation is. */
export interface EvaluatedAt {
  /** Optimiser steps done. */
  readonly step: number;
  /** Passes over the data done. */
  readonly epoch: number;
}

/**
 * Whether a run evaluates behind a step: at the ends of epochs, after the last one and where
 * `--eval-every` says.
 */
export function evaluationSteps(
  { evalEvery }: Pick<TrainConfig, "evalEvery">,
  perEpoch: number,
  steps: number,
): (step: number) => boolean {
  const share = evalEvery !== undefined && evalEvery < 1;
  const every = share ? Math.ceil(evalEvery * steps) : Math.round(evalEvery ?? Infinity);
  return (step) => step % perEpoch === 0 || step % every === 0 || step === steps;
}

/** The evaluations of a run that starts, or goes on. */
export class Evaluation {
  /** Metrics of the last one; none before the first. */
  metrics: Metrics = {};
  /** Metric by which an evaluation is the best. */
  readonly #metric: string;
  #best: BestEvaluation | undefined;
  #sinceBest: number;
  #evaluatedStep: number;
  /** Whether the metric that is judged is computed by costly evaluations alone. */
  #judgesCostly = false;
  #isWhole = false;

  /** Takes what the run remembers of earlier ones. */
  constructor(
    private readonly state: TrainState,
    private readonly task: Task,
    private readonly config: TrainConfig,
    private readonly hooks: EvaluationHooks,
    { best, evaluationsSinceBest, evaluatedStep }: FitProgress,
  ) {
    this.#metric = config.bestMetric ?? task.primary;
    // Values of another metric, by which a run was judged before, are not compared.
    const isSame = best?.metric === this.#metric;
    this.#best = isSame ? best : undefined;
    this.#sinceBest = isSame ? evaluationsSinceBest : 0;
    this.#evaluatedStep = evaluatedStep;
  }

  /** What the run is to remember of its evaluations. */
  get progress(): Pick<FitProgress, "best" | "evaluationsSinceBest" | "evaluatedStep"> {
    return {
      best: this.#best,
      evaluationsSinceBest: this.#sinceBest,
      evaluatedStep: this.#evaluatedStep,
    };
  }

  /** Whether the last one, of this process, has all metrics that a run ends with. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Whether so many in a row were not the best that the run stops. */
  get isEnough(): boolean {
    return this.#sinceBest >= (this.config.earlyStop ?? Infinity);
  }

  /**
   * Evaluates behind a step; before the first one nothing is the best yet.
   *
   * @param final Whether training is over
   * @returns Whether it came to its end: false where the signal ended it, and nothing of it counts then
   * @throws {OptionError} If the task has no metric that is called as `--best-metric` says
   * @throws {TrainingError} If a trained parameter or a metric is not finite
   */
  async run(at: EvaluatedAt, final: boolean): Promise<boolean> {
    if (at.step > 0) {
      await requireFiniteParameters(this.state, at.step, this.config);
      await this.hooks.beforeEvaluation?.(at);
    }
    const predictions: Prediction[] = [];
    const metrics = await this.#evaluate(final || this.#judgesCostly, predictions);
    if (metrics === undefined) return false;
    this.#isWhole = !this.task.costly || this.#judgesCostly || final;
    const named = Object.entries(metrics).map(([name, x]) => [`eval_${name}`, x] as const);
    for (const [name, value] of named) requireFinite(name, value, at.step);
    this.metrics = metrics;
    const again = at.step === this.#evaluatedStep;
    this.#evaluatedStep = at.step;
    const isNew = !again || this.#best === undefined;
    const isBest = at.step > 0 && isNew && this.#judge(at, metrics);
    await this.hooks.onPredictions?.(predictions, at);
    await this.hooks.onEvaluation?.({ ...at, ...Object.fromEntries(named) }, isBest);
    if (isBest) await this.hooks.onBest?.(this.#best!);
    return true;
  }

  /** The metrics, with the one that is judged among them; undefined where the signal ended it. */
  async #evaluate(costly: boolean, predictions: Prediction[]): Promise<Metrics | undefined> {
    const metric = this.#metric;
    predictions.length = 0;
    const metrics = await this.#read(costly, predictions);
    if (metrics === undefined || metric in metrics) return metrics;
    if (this.task.costly && !costly) {
      this.#judgesCostly = true;
      return await this.#evaluate(true, predictions);
    }
    throw new OptionError(
      `Cannot use --best-metric ${metric} as one of ${Object.keys(metrics).join(", ")} is required`,
    );
  }

  async #read(final: boolean, predictions: Prediction[]): Promise<Metrics | undefined> {
    const { model, optimiser } = this.state;
    const { signal } = this.hooks;
    // An evaluation that is over when the signal comes has been whole.
    const interrupted = new Error("interrupted");
    try {
      return await this.task.evaluate(model, optimiser.trainable.device, {
        final,
        ...(this.hooks.onPredictions && { collect: (one) => void predictions.push(one) }),
        onProgress: (progress) => {
          if (signal?.aborted && progress.done < progress.total) throw interrupted;
          this.hooks.onProgress?.(progress);
        },
      });
    } catch (error) {
      if (error === interrupted) return undefined;
      if (!(error instanceof NumericError)) throw error;
      throw new TrainingError(
        `${error.message}; ${optimiser.steps === 0 ? untrained : "lower --lr"}`,
      );
    }
  }

  /** Whether these metrics are the best so far; the first ones are. */
  #judge({ step, epoch }: EvaluatedAt, metrics: Metrics): boolean {
    const metric = this.#metric;
    const value = metrics[metric]!;
    if (this.#best !== undefined && !isBetter(metric, value, this.#best.value)) {
      this.#sinceBest++;
      return false;
    }
    this.#best = { metric, value, step, epoch, metrics };
    this.#sinceBest = 0;
    return true;
  }
}

const untrained = "nothing was trained yet: lower --alpha, or mend the weights of the base model";

function requireFinite(name: string, value: number, step: number): void {
  if (Number.isFinite(value)) return;
  throw new TrainingError(
    `Cannot go on after step ${step} as ${name} must be finite: found ${value}; lower --lr`,
  );
}
