/**
 * Tables as data, in full precision: everything as JSON, and an arm a row as CSV.
 *
 * @module
 */

import { armKey, byArm } from "./arms.ts";
import type { ArmComparison } from "./comparisons.ts";
import type { Tables } from "./contents.ts";
import type { ArmCost } from "./costs.ts";
import type { ArmScore } from "./scores.ts";

/** Everything that is known, as JSON; what is no number is null. */
export function jsonOf(tables: Tables): string {
  return `${JSON.stringify(tables, null, 2)}\n`;
}

/** What is known of an arm. */
interface ArmFacts {
  readonly score: ArmScore;
  readonly isHigherBetter: boolean;
  readonly comparison: ArmComparison | undefined;
  readonly cost: ArmCost | undefined;
}

/** Columns of CSV, and what stands in them. */
const columns: Readonly<Record<string, (arm: ArmFacts) => string | number | boolean | undefined>> =
  {
    task: ({ score }) => score.task,
    method: ({ score }) => score.method,
    varied: ({ score }) => JSON.stringify(score.varied),
    metric: ({ score }) => score.metric,
    is_higher_better: ({ isHigherBetter }) => isHigherBetter,
    planned: ({ score }) => score.planned,
    n: ({ score }) => score.n,
    failed: ({ score }) => score.failed,
    not_finite: ({ score }) => score.notFinite,
    unfinished: ({ score }) => score.unfinished,
    mean: ({ score }) => score.mean,
    sd: ({ score }) => score.sd,
    median: ({ score }) => score.median,
    interquartile_mean: ({ score }) => score.interquartileMean,
    low: ({ score }) => score.interval.low,
    high: ({ score }) => score.interval.high,
    baseline: ({ comparison }) => comparison?.baseline,
    pairs: ({ comparison }) => comparison?.n,
    difference: ({ comparison }) => comparison?.difference,
    difference_low: ({ comparison }) => comparison?.interval.low,
    difference_high: ({ comparison }) => comparison?.interval.high,
    p: ({ comparison }) => comparison?.p,
    smallest_p: ({ comparison }) => comparison?.smallestP,
    holm_p: ({ comparison }) => comparison?.adjusted,
    holm_p_all_tasks: ({ comparison }) => comparison?.adjustedOverAll,
    improvement: ({ comparison }) => comparison?.improvement.value,
    improvement_low: ({ comparison }) => comparison?.improvement.interval.low,
    improvement_high: ({ comparison }) => comparison?.improvement.interval.high,
    seeds_needed: ({ comparison }) => comparison?.seedsNeeded,
    verdict: ({ comparison }) => comparison?.verdict,
    seconds: ({ cost }) => cost?.seconds,
    relative_seconds: ({ cost }) => cost?.relativeSeconds,
    peak_bytes: ({ cost }) => cost?.peakBytes,
    relative_peak_bytes: ({ cost }) => cost?.relativePeakBytes,
  };

/** A row for each arm: its figures, its difference to the baseline and its cost; unknown is empty. */
export function csvOf({ tasks, costs }: Tables): string {
  const costOf = byArm(costs);
  const arms = tasks.flatMap(({ isHigherBetter, scores, comparisons }) => {
    const comparisonOf = byArm(comparisons);
    return scores.map((score): ArmFacts => ({
      score,
      isHigherBetter,
      comparison: comparisonOf.get(armKey(score)),
      cost: costOf.get(armKey(score)),
    }));
  });
  const rows = arms.map((arm) => Object.values(columns).map((value) => value(arm)));
  return [Object.keys(columns), ...rows].map((row) => `${row.map(fieldText).join(",")}\n`).join("");
}

/** A field after RFC 4180. */
function fieldText(value: string | number | boolean | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "";
  const text = `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
