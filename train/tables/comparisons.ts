/**
 * Methods against a baseline, seed by seed, and what the adjusted test lets be said of them.
 *
 * @module
 */

import type { Interval } from "../statistics/bootstrap.ts";
import { holm } from "../statistics/holm.ts";
import { improvementInterval, meanImprovement } from "../statistics/improvement.ts";
import { compare, type PairedComparison, type ScoresBySeed } from "../statistics/paired.ts";
import { seedsNeeded } from "../statistics/power.ts";
import type { Arm } from "../sweep/planned_run.ts";
import { type ArmRuns, baselineOf } from "./arms.ts";
import { resampling } from "./scores.ts";

/** The p-value up to which an adjusted test decides. */
export const alpha = 0.05;

/** What an adjusted p-value lets be said. */
export type Verdict = "better" | "worse" | "undecided";

/** A paired difference, with its test adjusted to others and what follows. */
export interface Decided extends PairedComparison {
  /** Holm's p-value over the methods of the table. */
  readonly adjusted: number;
  /** What `adjusted` lets be said. */
  readonly verdict: Verdict;
  /** Seeds that a difference of this size would need to be found; undefined where none would do. */
  readonly seedsNeeded: number | undefined;
  /** Mean over tasks of the probability that a run is better than one of the baseline. */
  readonly improvement: { readonly value: number; readonly interval: Interval };
}

/** An arm against the baseline's; in the unit of its metric. */
export interface ArmComparison extends Arm, Decided {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** The baseline's. */
  readonly baseline: string;
  /** Metric of the difference. */
  readonly metric: string;
  /** Holm's p-value over the methods of all tasks. */
  readonly adjustedOverAll: number;
}

/** A method and its baseline on the same tasks. */
export interface PairedArms {
  /** Figures by seed that are compared: of a task, or averages over tasks. */
  readonly figures: readonly [method: ScoresBySeed, baseline: ScoresBySeed];
  /** The method's arms, one a task. */
  readonly arms: readonly ArmRuns[];
  /** The baseline's arms of the same tasks. */
  readonly baselines: readonly ArmRuns[];
}

/** Compares the pairs of a table, whose tests are adjusted to each other. */
export function decide(pairs: readonly PairedArms[]): Decided[] {
  const compared = pairs.map(({ figures }) => compare(...figures, resampling));
  const adjusted = holm(compared.map(({ p }) => p));
  const comparisons = compared.filter(({ p }) => !Number.isNaN(p)).length;
  return compared.map((one, i) => {
    const { figures, arms, baselines } = pairs[i]!;
    const { isHigherBetter } = arms[0]!;
    return {
      ...one,
      adjusted: adjusted[i]!,
      verdict: verdictFor(adjusted[i]!, one.difference, isHigherBetter),
      seedsNeeded: seedsNeeded(differencesOf(...figures), {
        level: 1 - alpha,
        comparisons: Math.max(1, comparisons),
      }),
      improvement: improvementOf(arms, baselines),
    };
  });
}

/**
 * Compares every arm that is not the baseline's with the baseline's of its task.
 *
 * @param method Method of the baseline
 */
export function compareArms(arms: readonly ArmRuns[], method: string): ArmComparison[] {
  const pairs = arms.filter((arm) => arm.method !== method).flatMap((arm) => {
    const baseline = baselineOf(arm, method, arms);
    return baseline === undefined ? [] : [{ arm, baseline }];
  });
  const decided = [...Map.groupBy(pairs, ({ arm }) => arm.task).values()].flatMap((own) => {
    const rows = decide(own.map(({ arm, baseline }) => ({
      figures: [arm.figures, baseline.figures],
      arms: [arm],
      baselines: [baseline],
    })));
    return own.map(({ arm, baseline }, i) => {
      const { task, method, varied, label, metric } = arm;
      return { task, method, varied, label, metric, baseline: baseline.label, ...rows[i]! };
    });
  });
  const overAll = holm(decided.map(({ p }) => p));
  return decided.map((row, i) => ({ ...row, adjustedOverAll: overAll[i]! }));
}

/** What an adjusted p-value lets be said of a difference. */
export function verdictFor(adjusted: number, difference: number, isHigherBetter: boolean): Verdict {
  if (!(adjusted <= alpha) || !(Math.abs(difference) > 0)) return "undecided";
  return difference > 0 === isHigherBetter ? "better" : "worse";
}

/** Differences of the seeds that both have. */
function differencesOf(method: ScoresBySeed, baseline: ScoresBySeed): number[] {
  return [...method].filter(([seed]) => baseline.has(seed))
    .map(([seed, figure]) => figure - baseline.get(seed)!);
}

/** Probability of improvement, which of a metric of which less is better is that of a smaller value. */
function improvementOf(
  arms: readonly ArmRuns[],
  baselines: readonly ArmRuns[],
): Decided["improvement"] {
  const tasks = arms.map(({ figures, isHigherBetter }, i) => {
    const [own, other] = [[...figures.values()], [...baselines[i]!.figures.values()]];
    return isHigherBetter ? { method: own, baseline: other } : { method: other, baseline: own };
  });
  return { value: meanImprovement(tasks), interval: improvementInterval(tasks, resampling) };
}
