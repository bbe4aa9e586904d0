/**
 * What a run remembers of itself beside parameters and moments, as it runs and as a checkpoint's
 * trainer_state.json has it. Keys that transformers' `TrainerState` has too have its names.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { beamOptions } from "../config/beam_options.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Metrics } from "../tasks/task.ts";

/** The best evaluation of a run. */
export interface BestEvaluation {
  /** Metric by which it is the best. */
  readonly metric: string;
  /** Its value. */
  readonly value: number;
  /** Optimiser steps done before it. */
  readonly step: number;
  /** Passes over the data done before it. */
  readonly epoch: number;
  /** All its metrics. */
  readonly metrics: Metrics;
}

/** What a run remembers. */
export interface FitProgress {
  /** Task losses of the epoch that runs: their sum, in nats, and the number of steps. */
  readonly epochLoss: { readonly sum: number; readonly steps: number };
  /** Mean task loss of the steps of the last epoch, in nats; undefined where none was whole. */
  readonly lastEpochLoss: number | undefined;
  /** The best evaluation; undefined where there was none. */
  readonly best: BestEvaluation | undefined;
  /** Evaluations since the best one. */
  readonly evaluationsSinceBest: number;
  /** Step of the last evaluation; -1 where there was none. */
  readonly evaluatedStep: number;
  /** What the evaluations were made on; undefined where nothing says it. */
  readonly judgedBy?: Judgement | undefined;
}

/** What else than the adapter decides what an evaluation finds, by name. */
export type Judgement = Readonly<Record<string, unknown>>;

/** How texts are generated. */
const generating = ["newTokens", "generate", ...Object.keys(beamOptions)] as (keyof TrainConfig)[];

/** What the evaluations of a run are made on. */
export function judgementOf(
  config: TrainConfig,
  { developmentData }: Readonly<Record<string, unknown>>,
): Judgement {
  return {
    developmentData,
    ...Object.fromEntries(generating.map((name) => [name, config[name]])),
  };
}

/** What a run remembers where it is evaluated on something from now on: no value of anything else. */
export function judgedBy(progress: FitProgress, judgement: Judgement): FitProgress {
  const { judgedBy = judgement } = progress;
  return JSON.stringify(judgedBy) === JSON.stringify(judgement)
    ? progress
    : { ...progress, best: undefined, evaluationsSinceBest: 0 };
}

/** What a run remembers before its first step. */
export const noProgress: FitProgress = {
  epochLoss: { sum: 0, steps: 0 },
  lastEpochLoss: undefined,
  best: undefined,
  evaluationsSinceBest: 0,
  evaluatedStep: -1,
};

/** The keys of trainer_state.json that hold what a run remembers. */
export function progressState(progress: FitProgress): Record<string, unknown> {
  const { epochLoss, lastEpochLoss = null, best, evaluationsSinceBest, evaluatedStep } = progress;
  return {
    metric_for_best_model: best?.metric ?? null,
    best_metric: best?.value ?? null,
    best_global_step: best?.step ?? null,
    best_epoch: best?.epoch ?? null,
    best_metrics: best?.metrics ?? null,
    evaluations_since_best: evaluationsSinceBest,
    evaluated_step: evaluatedStep,
    epoch_loss_sum: epochLoss.sum,
    epoch_loss_steps: epochLoss.steps,
    last_epoch_loss: lastEpochLoss,
    judged_by: progress.judgedBy,
  };
}

/**
 * What a run remembered, from trainer_state.json; undefined where the file is of a version that did
 * not say it.
 *
 * @throws {FileError} If a key is missing or malformed
 */
export function readProgress(state: unknown, path: string): FitProgress | undefined {
  if (!isRecord(state) || !("evaluated_step" in state)) return undefined;
  const read = new StateReader(state, path);
  const value = read.numberOrNull("best_metric");
  return {
    epochLoss: { sum: read.number("epoch_loss_sum"), steps: read.number("epoch_loss_steps") },
    lastEpochLoss: read.numberOrNull("last_epoch_loss"),
    best: value === undefined ? undefined : {
      metric: read.text("metric_for_best_model"),
      value,
      step: read.number("best_global_step"),
      epoch: read.number("best_epoch"),
      metrics: read.metrics("best_metrics"),
    },
    evaluationsSinceBest: read.number("evaluations_since_best"),
    evaluatedStep: read.number("evaluated_step"),
    judgedBy: isRecord(state["judged_by"]) ? state["judged_by"] : undefined,
  };
}

/** Reads keys of one kind each. */
class StateReader {
  constructor(
    private readonly state: Readonly<Record<string, unknown>>,
    private readonly path: string,
  ) {}

  number(key: string): number {
    const value = this.state[key];
    return typeof value === "number" && Number.isFinite(value)
      ? value
      : this.#fail(key, "a number");
  }

  numberOrNull(key: string): number | undefined {
    return this.state[key] === null ? undefined : this.number(key);
  }

  text(key: string): string {
    const value = this.state[key];
    return typeof value === "string" ? value : this.#fail(key, "a text");
  }

  metrics(key: string): Metrics {
    const value = this.state[key];
    const entries = isRecord(value) ? Object.entries(value) : [];
    const numbers = entries.every(([, each]) => typeof each === "number");
    return entries.length > 0 && numbers
      ? Object.fromEntries(entries) as Metrics
      : this.#fail(key, "an object of numbers");
  }

  #fail(key: string, required: string): never {
    throw new FileError(
      `Cannot resume as ${required} is required in key ${key}: found ${excerpt(this.state[key])}`,
      this.path,
    );
  }
}
