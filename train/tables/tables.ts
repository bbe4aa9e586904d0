/**
 * From the results of a sweep to its tables.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { nearest } from "../config/nearest.ts";
import type { Collected } from "../sweep/collect.ts";
import { changedSources } from "../sweep/run_sources.ts";
import { type ArmRuns, armsOf, baselineOf, type EvaluationName, modelsOf } from "./arms.ts";
import { averagesOf } from "./averages.ts";
import { besidePaper } from "./beside_paper.ts";
import { compareArms } from "./comparisons.ts";
import type { Tables } from "./contents.ts";
import { costsOf } from "./costs.ts";
import { coursesOf } from "./courses.ts";
import { examplesUsed } from "./examples_used.ts";
import { paperTests } from "./paper_tests.ts";
import { scoreOf } from "./scores.ts";
import { tuningOf } from "./tuning.ts";
import { warningsOf } from "./warnings.ts";

/** What is asked of the tables. */
export interface TablesOptions {
  /** Method that the others are compared with; default the plan's. */
  readonly baseline?: string;
  /** Which evaluation of a run counts; default the last. */
  readonly which?: EvaluationName;
}

/**
 * Makes the tables of a sweep.
 *
 * @throws {OptionError} If no run of the baseline that is asked for is there, or runs of an arm cannot
 * be told apart
 */
export function tablesOf(
  { head, results }: Collected,
  { baseline = head.baseline, which = "last" }: TablesOptions = {},
): Tables {
  const arms = armsOf(results, which);
  if (baseline !== head.baseline) requireMethod(baseline, arms);
  const comparisons = compareArms(arms, baseline);
  const tasks = [...Map.groupBy(arms, ({ task }) => task)].map(([task, own]) => {
    const [{ metric, isHigherBetter }] = requireOneMetric(own) as [ArmRuns];
    return {
      task,
      metric,
      isHigherBetter,
      scores: own.map(scoreOf),
      comparisons: comparisons.filter((comparison) => comparison.task === task),
    };
  });
  const averages = averagesOf(arms, baseline);
  const known = {
    head,
    models: modelsOf(arms),
    which,
    baseline,
    examples: examplesUsed(arms),
    isStoppedEarly: arms.some(({ runs }) =>
      runs.some(({ settings }) => typeof settings["earlyStop"] === "number")
    ),
    changed: changedSources(results),
    tasks,
    averages,
    tuning: tuningOf(head, results),
    costs: costsOf(arms, baseline),
    courses: coursesOf(arms),
    paper: besidePaper(arms, baseline),
    paperTests: paperTests(comparisons, averages, baseline),
  };
  const alone = arms.filter((arm) =>
    arm.method !== baseline && baselineOf(arm, baseline, arms) === undefined
  );
  return { ...known, warnings: warningsOf(known, alone) };
}

function requireMethod(method: string, arms: readonly ArmRuns[]): void {
  const known = [...new Set(arms.map((arm) => arm.method))];
  if (known.includes(method)) return;
  const hint = known.length === 0 ? "" : `: the nearest one is ${nearest(method, known)}`;
  throw new OptionError(
    `Cannot compare with --baseline ${method} as a method of the sweep is required${hint}`,
  );
}

/** Arms of a task, which are judged by one metric. */
function requireOneMetric(arms: readonly ArmRuns[]): readonly ArmRuns[] {
  const [{ task, metric, isHigherBetter }] = arms as [ArmRuns];
  const other = arms.find((arm) => arm.metric !== metric || arm.isHigherBetter !== isHigherBetter);
  if (other === undefined) return arms;
  throw new OptionError(
    `Cannot compare arms on ${task} as one metric is required: found ${metric} and ${other.metric}`,
  );
}
