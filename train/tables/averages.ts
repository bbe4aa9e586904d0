/**
 * Averages over tasks, and methods against the baseline by them.
 *
 * @module
 */

import { type Interval, stratifiedBootstrap } from "../statistics/bootstrap.ts";
import { sampleMean } from "../statistics/summary.ts";
import type { Arm } from "../sweep/planned_run.ts";
import { armKey, type ArmRuns, baselineOf } from "./arms.ts";
import { decide, type Decided, type PairedArms } from "./comparisons.ts";
import { resampling } from "./scores.ts";
import { metricUnit } from "./units.ts";

/** A method's average over tasks, in their unit. */
export interface Average extends Omit<Arm, "task"> {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** Runs that it is over. */
  readonly runs: number;
  /** Tasks of which it has no run. */
  readonly missing: readonly string[];
  /** Mean of the tasks' means; NaN where a task has no run. */
  readonly mean: number;
  /** Interval of 95 %: stratified bootstrap, runs drawn within each task. */
  readonly interval: Interval;
  /** The baseline's arm that it is compared with; absent where there is none. */
  readonly baseline?: string;
  /** How the averages of its seeds compare with the baseline's; absent with `baseline`. */
  readonly comparison?: Decided;
}

/** Averages over tasks whose figures have the same unit and direction. */
export interface AverageTable {
  /** The tasks. */
  readonly tasks: readonly string[];
  /** Metrics of the tasks, in their order. */
  readonly metrics: readonly string[];
  /** Whether larger averages are better. */
  readonly isHigherBetter: boolean;
  /** A method a row. */
  readonly rows: readonly Average[];
}

/**
 * Averages over tasks: a table for each unit that two tasks or more have.
 *
 * @param method Method of the baseline
 */
export function averagesOf(arms: readonly ArmRuns[], method: string): AverageTable[] {
  const groups = Map.groupBy(
    arms,
    ({ metric, isHigherBetter }) => `${metricUnit(metric).name} ${isHigherBetter}`,
  );
  return [...groups.values()].flatMap((own) => {
    const tasks = [...new Set(own.map(({ task }) => task))];
    if (tasks.length < 2) return [];
    return [{
      tasks,
      metrics: tasks.map((task) => own.find((arm) => arm.task === task)!.metric),
      isHigherBetter: own[0]!.isHigherBetter,
      rows: rowsOf(own, tasks, method),
    }];
  });
}

function rowsOf(arms: readonly ArmRuns[], tasks: readonly string[], method: string): Average[] {
  // Arms of a method on several tasks differ in the task alone.
  const groups = [...Map.groupBy(arms, (arm) => armKey({ ...arm, task: "rte" })).values()];
  const rows = groups.map((own) => averageOf(own, tasks));
  const paired = groups.flatMap((own, i) => {
    if (rows[i]!.method === method || rows[i]!.missing.length > 0) return [];
    const baselines = own.flatMap((arm) => baselineOf(arm, method, arms) ?? []);
    const isWhole = baselines.length === own.length &&
      baselines.every(({ figures }) => figures.size > 0);
    const figures = [averagesBySeed(own), averagesBySeed(baselines)] as const;
    return isWhole ? [{ i, pair: { figures, arms: own, baselines } satisfies PairedArms }] : [];
  });
  const decided = decide(paired.map(({ pair }) => pair));
  const known = new Map(paired.map(({ i, pair: { baselines } }, k) => [
    i,
    { baseline: baselines[0]!.label, comparison: decided[k]! },
  ]));
  return rows.map((row, i) => ({ ...row, ...known.get(i) }));
}

function averageOf(own: readonly ArmRuns[], tasks: readonly string[]): Average {
  const { method, varied, label } = own[0]!;
  const strata = own.map(({ figures }) => [...figures.values()]);
  const missing = tasks.filter((task) =>
    !own.some((arm) => arm.task === task && arm.figures.size > 0)
  );
  const mean = (values: readonly (readonly number[])[]) => sampleMean(values.map(sampleMean));
  const isWhole = missing.length === 0;
  return {
    ...{ method, varied, label, missing },
    runs: strata.reduce((sum, { length }) => sum + length, 0),
    mean: isWhole ? mean(strata) : NaN,
    interval: isWhole ? stratifiedBootstrap(strata, mean, resampling) : { low: NaN, high: NaN },
  };
}

/** Averages over tasks of the seeds that each of them has. */
function averagesBySeed([first, ...others]: readonly ArmRuns[]): Map<number, number> {
  const seeds = [...first?.figures.keys() ?? []].filter((seed) =>
    others.every(({ figures }) => figures.has(seed))
  );
  return new Map(seeds.map((seed) => [
    seed,
    sampleMean([first!, ...others].map(({ figures }) => figures.get(seed)!)),
  ]));
}
