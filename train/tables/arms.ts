/**
 * Arms of a sweep: the runs that differ in the seed alone, with the figure they are judged by.
 *
 * @module
 */

import { basename } from "node:path";
import { OptionError } from "../../core/errors.ts";
import type { Arm } from "../sweep/planned_run.ts";
import type { SweepResult } from "../sweep/sweep_result.ts";

/** Which evaluation of a run counts. */
export const evaluationNames = ["last", "best"] as const;
/** Which evaluation of a run counts. */
export type EvaluationName = typeof evaluationNames[number];

/** What came of the runs of an arm; the others of those planned have a figure. */
export interface RunCounts {
  /** Runs that were planned. */
  readonly planned: number;
  /** Runs that ended without a number for the figure, or with one that is not finite. */
  readonly notFinite: number;
  /** Runs that failed. */
  readonly failed: number;
  /** Runs that are going on, wait for others, or have not begun. */
  readonly unfinished: number;
}

/** An arm and its runs. */
export interface ArmRuns extends Arm {
  /** Method and what else tells it apart: `hiddenkey, rank 4`. */
  readonly label: string;
  /** Metric of the figure. */
  readonly metric: string;
  /** Whether larger values of it are better. */
  readonly isHigherBetter: boolean;
  /** Runs of the seeds, by seed. */
  readonly runs: readonly SweepResult[];
  /** Finite figures of runs that are done, by seed, in the order of the seeds. */
  readonly figures: ReadonlyMap<number, number>;
  /** How many of the runs came to what. */
  readonly counts: RunCounts;
}

/** Identity of an arm: equal texts for equal arms, whatever the order of what is varied. */
export function armKey({ task, method, varied }: Arm): string {
  const entries = Object.entries(varied).sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify([task, method, entries]);
}

/** Method and what else tells an arm apart, without some of the options. */
export function armLabel({ method, varied }: Omit<Arm, "task">, without: string[] = []): string {
  const parts = Object.entries(varied).filter(([name]) => !without.includes(name));
  return [method, ...parts.map(([name, value]) => `${name} ${value}`)].join(", ");
}

/**
 * Groups the runs whose figures are reported, in the order in which their arms come first.
 *
 * @param which Which evaluation of a run counts
 * @throws {OptionError} If two runs of an arm have the same seed, or it is judged by two metrics
 */
export function armsOf(results: readonly SweepResult[], which: EvaluationName): ArmRuns[] {
  const reported = results.filter(({ stage }) => stage === "report");
  const groups = Map.groupBy(reported, ({ arm }) => armKey(arm));
  return [...groups.values()].map((runs) => {
    const [{ arm, metric, isHigherBetter }] = runs as [SweepResult];
    const label = armLabel(arm);
    const fail = (required: string, found: string): never => {
      throw new OptionError(
        `Cannot tell runs of ${label} on ${arm.task} apart as ${required} is required: ` +
          `found ${found}`,
      );
    };
    const ordered = runs.toSorted((a, b) => a.seed - b.seed);
    ordered.forEach((run, i) => {
      if (run.seed === ordered[i - 1]?.seed) fail("one run a seed", `seed ${run.seed} twice`);
      const isSame = run.metric === metric && run.isHigherBetter === isHigherBetter;
      if (!isSame) fail("one metric", `${metric} and ${run.metric}`);
    });
    const figures = new Map(
      ordered.filter((run) => run.status === "done" && Number.isFinite(run[which][metric]))
        .map((run) => [run.seed, run[which][metric]!]),
    );
    const counts = countRuns(ordered, figures.size);
    return { ...arm, label, metric, isHigherBetter, runs: ordered, figures, counts };
  });
}

/** How many runs came to what, of which `n` have a figure. */
function countRuns(runs: readonly SweepResult[], n: number): RunCounts {
  const ended = runs.filter(({ status }) => status === "done").length;
  const failed = runs.filter(({ status }) => status === "failed").length;
  return {
    planned: runs.length,
    notFinite: ended - n,
    failed,
    unfinished: runs.length - ended - failed,
  };
}

/**
 * The baseline's arm that an arm is compared with: that of its task which is varied in the same way,
 * or else that which agrees in most of what is varied and differs in nothing.
 *
 * @param method Method of the baseline
 */
export function baselineOf(
  arm: Arm,
  method: string,
  arms: readonly ArmRuns[],
): ArmRuns | undefined {
  const agreeing = arms.filter((one) =>
    one.task === arm.task && one.method === method &&
    Object.entries(one.varied).every(([name, value]) => arm.varied[name] === value)
  );
  const [first] = agreeing.toSorted((a, b) => size(b.varied) - size(a.varied));
  return first;
}

function size(varied: Arm["varied"]): number {
  return Object.keys(varied).length;
}

/** Rows by the identity of their arms. */
export function byArm<T extends Arm>(rows: readonly T[]): ReadonlyMap<string, T> {
  return new Map(rows.map((row) => [armKey(row), row]));
}

/** Models of runs, each once; of a folder's path the last name. */
export function modelsOf(arms: readonly ArmRuns[]): string[] {
  const names = arms.flatMap(({ runs }) => runs.map(({ settings }) => modelName(settings)));
  return [...new Set(names.filter((name) => name !== ""))];
}

/** A run's model as its settings name it, of a folder the last name; empty where they do not. */
export function modelName({ model }: SweepResult["settings"]): string {
  if (typeof model !== "string") return "";
  return /^[./]/.test(model) ? basename(model) : model;
}
