/**
 * What the seeds of an arm come to.
 *
 * @module
 */

import { type SampleSummary, summarise } from "../statistics/summarise.ts";
import type { Arm } from "../sweep/planned_run.ts";
import type { ArmRuns, RunCounts } from "./arms.ts";

/** Of every bootstrap and drawn test, so that tables of equal results are equal. */
export const resampling = { seed: 1 } as const;

/** An arm's figures in the unit of its metric; NaN where too few runs have one. */
export interface ArmScore extends Arm, RunCounts, SampleSummary {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** Metric of the figures. */
  readonly metric: string;
  /** Seeds that have a figure. */
  readonly seeds: readonly number[];
  /** Their figures. */
  readonly figures: readonly number[];
  /** Whether all runs came to the same loss to the last bit, so that their seeds changed nothing. */
  readonly isRepeated: boolean;
}

/** Summarises an arm. */
export function scoreOf(runs: ArmRuns): ArmScore {
  const { task, method, varied, label, metric, counts } = runs;
  const figures = [...runs.figures.values()];
  return {
    ...{ task, method, varied, label, metric, ...counts },
    ...summarise(figures, resampling),
    seeds: [...runs.figures.keys()],
    figures,
    isRepeated: isRepeated(runs),
  };
}

function isRepeated({ runs }: ArmRuns): boolean {
  const losses = runs.filter(({ status }) => status === "done").map(({ last }) => last["loss"]);
  return losses.length > 1 && Number.isFinite(losses[0]) && new Set(losses).size === 1;
}
