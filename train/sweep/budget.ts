/**
 * What a plan costs before anything is run: runs and steps.
 *
 * @module
 */

import { resolveConfig } from "../config/config.ts";
import { planSteps } from "../fit.ts";
import { countTraining } from "../tasks/open.ts";
import type { PlannedRun, Stage } from "./planned_run.ts";

/** Runs of a stage. */
export interface StageBudget {
  /** What they are for. */
  readonly stage: Stage;
  /** How many there are. */
  readonly runs: number;
  /** Optimiser steps of all of them. */
  readonly steps: number;
  /** Lines of the plan that have them, from 0: the first and the last. */
  readonly lines: readonly [number, number];
}

/**
 * Counts the runs and steps of a plan, by stage; reads the training data.
 *
 * @param classes Words that the model's configuration has for its classes
 * @throws {FileError | OptionError} If data are missing, or a batch is larger than the data
 */
export async function budgetOf(
  runs: readonly PlannedRun[],
  classes: readonly string[],
): Promise<StageBudget[]> {
  const examples = new Map<string, Promise<number>>();
  const stages: StageBudget[] = [];
  for (const stage of ["tune", "report"] as const) {
    const own = runs.filter((run) => run.stage === stage);
    if (own.length === 0) continue;
    let steps = 0;
    for (const { settings } of own) {
      // Seeds draw which examples are held back, but hardly how many.
      const { task, data, devFraction, trainLimit } = settings;
      const key = JSON.stringify([task, data, devFraction, trainLimit]);
      const config = resolveConfig(settings);
      if (!examples.has(key)) examples.set(key, countTraining(config, classes));
      steps += planSteps(config, await examples.get(key)!).steps;
    }
    const first = runs.indexOf(own[0]!);
    stages.push({ stage, runs: own.length, steps, lines: [first, first + own.length - 1] });
  }
  return stages;
}
