/**
 * What tuning tried, what it chose, and what the best of fewer settings would have been.
 *
 * @module
 */

import { expectedMaximum } from "../statistics/expected_maximum.ts";
import { sampleMean } from "../statistics/summary.ts";
import type { Arm } from "../sweep/planned_run.ts";
import type { SweepHead, SweepResult } from "../sweep/sweep_result.ts";
import { armKey, armLabel } from "./arms.ts";

/** One setting that was tried. */
export interface TriedSettings {
  /** Values of the options of which the arm tried several. */
  readonly settings: Readonly<Record<string, number>>;
  /** Mean figure of the last evaluation over its runs; NaN where one has none, as it is not chosen. */
  readonly score: number;
  /** Runs that have a figure. */
  readonly runs: number;
  /** Runs that have none. */
  readonly without: number;
}

/** A value that was chosen. */
export interface Chosen {
  /** Option. */
  readonly option: string;
  /** Its value. */
  readonly value: number;
  /** Whether it is the least or the greatest of several that were tried: a better one may lie beyond. */
  readonly isAtEdge: boolean;
}

/** Tuning of an arm. */
export interface ArmTuning extends Arm {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** Metric of the scores. */
  readonly metric: string;
  /** All settings that were tried, in the order of the plan. */
  readonly tried: readonly TriedSettings[];
  /** Expected score of the best of 1, 2, … settings drawn among those that have a score. */
  readonly expected: readonly number[];
  /** What the reported runs were done with; empty where they are not known yet. */
  readonly chosen: readonly Chosen[];
}

/** Tuning of all arms that have any; by the last evaluation, as settings are chosen by it. */
export function tuningOf(head: SweepHead, results: readonly SweepResult[]): ArmTuning[] {
  const options = Object.keys(head.tuned);
  const keyOf = (run: SweepResult) => armKey(untuned(run, options));
  const stages = Map.groupBy(results, ({ stage }) => stage);
  const reported = Map.groupBy(stages.get("report") ?? [], keyOf);
  return [...Map.groupBy(stages.get("tune") ?? [], keyOf)].map(([key, runs]) => {
    const [first] = runs as [SweepResult];
    const arm = untuned(first, options);
    const several = options.filter((option) => new Set(runs.flatMap(numberOf(option))).size > 1);
    const tried = triedBy(runs, several);
    const scores = tried.map(({ score }) => score).filter((score) => !Number.isNaN(score));
    return {
      ...arm,
      label: armLabel(arm),
      metric: first.metric,
      tried,
      expected: expectedMaximum(scores, first.isHigherBetter),
      chosen: several.flatMap((option) => chosenBy(reported.get(key) ?? [], runs, option)),
    };
  });
}

/** The arm of a run without what is tuned. */
function untuned({ arm }: SweepResult, options: readonly string[]): Arm {
  const kept = Object.entries(arm.varied).filter(([name]) => !options.includes(name));
  return { ...arm, varied: Object.fromEntries(kept) };
}

/** The value of an option of a run, where it is a number. */
function numberOf(option: string): (run: SweepResult) => number[] {
  return ({ settings: { [option]: value } }) => typeof value === "number" ? [value] : [];
}

function triedBy(runs: readonly SweepResult[], options: readonly string[]): TriedSettings[] {
  const settingsOf = (run: SweepResult) =>
    Object.fromEntries(
      options.flatMap((option) => numberOf(option)(run).map((value) => [option, value])),
    );
  const groups = Map.groupBy(runs, (run) => JSON.stringify(settingsOf(run)));
  return [...groups.values()].map((own) => {
    const figures = own.filter(({ status }) => status === "done")
      .map(({ last, metric }) => last[metric] ?? NaN).filter(Number.isFinite);
    return {
      settings: settingsOf(own[0]!),
      score: figures.length < own.length ? NaN : sampleMean(figures),
      runs: figures.length,
      without: own.length - figures.length,
    };
  });
}

/** Values that runs were done with; those that have not begun do not have theirs yet. */
function chosenBy(
  reported: readonly SweepResult[],
  runs: readonly SweepResult[],
  option: string,
): Chosen[] {
  const values = runs.flatMap(numberOf(option));
  const ends = [Math.min(...values), Math.max(...values)];
  const done = reported.filter(({ status }) => status === "done");
  return [...new Set(done.flatMap(numberOf(option)))].map((value) => ({
    option,
    value,
    isAtEdge: ends.includes(value),
  }));
}
