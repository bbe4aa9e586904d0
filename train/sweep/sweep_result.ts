/**
 * What is known of each run of a sweep: done, failed, running or left, with its figures.
 *
 * @module
 */

import type { JsonObject } from "../../nn/formats/json_record.ts";
import type { Metrics } from "../tasks/task.ts";
import type { PlannedRun } from "./planned_run.ts";
import type { RunSources } from "./run_sources.ts";

/** How far a run is: `waiting` is for runs that choose its settings. */
export type RunStatus = "done" | "failed" | "running" | "waiting" | "left";

/** One run of a sweep and what came of it: a line of `results.jsonl`. */
export interface SweepResult extends Pick<PlannedRun, "id" | "stage" | "arm" | "seed"> {
  /** How far it is. */
  readonly status: RunStatus;
  /** All its settings, those that were tuned too; without folders of its own. */
  readonly settings: JsonObject;
  /** Metric that its task is judged by: `accuracy`, `matthews`, `pearson`, `bleu`. */
  readonly metric: string;
  /** Whether larger values of it are better. */
  readonly isHigherBetter: boolean;
  /** Figures of the last evaluation, by metric; empty unless it is done. */
  readonly last: Metrics;
  /** Figures of the best evaluation, by metric; empty unless it is done. */
  readonly best: Metrics;
  /** Wall time of training with its evaluations, in seconds. */
  readonly seconds?: number;
  /** Most bytes of tensors at once. */
  readonly peakBytes?: number;
  /** What ran the programs, in words. */
  readonly backend?: string;
  /** What it was computed from, as fingerprints; absent where nothing is known. */
  readonly sources?: RunSources;
  /** Why it failed, in one sentence. */
  readonly error?: string;
  /** Training loss and evaluations by step, for figures of the course; absent unless asked for. */
  readonly course?: readonly Readonly<Record<string, number>>[];
}

/** What heads `results.jsonl`: of which plan the lines are. */
export interface SweepHead {
  /** Name of the preset or file: `table1`. */
  readonly name: string;
  /** Hash of the whole plan. */
  readonly plan: string;
  /** Method the others are compared with. */
  readonly baseline: string;
  /** What is tuned, by option, with the values tried; empty for nothing. */
  readonly tuned: Readonly<Record<string, readonly number[]>>;
  /** Version of this package that planned it. */
  readonly version: string;
}
