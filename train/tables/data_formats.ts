/**
 * Tables as data, in full precision: everything as JSON, and an arm a row as CSV.
 *
 * @module
 */

import { armKey, byArm } from "./arms.ts";
import type { Tables } from "./contents.ts";

/** Everything that is known, as JSON; what is no number is null. */
export function jsonOf(tables: Tables): string {
  return `${JSON.stringify(tables, null, 2)}\n`;
}

/** A row for each arm: its figures, its difference to the baseline and its cost; unknown is empty. */
export function csvOf({ tasks, costs }: Tables): string {
  const costOf = byArm(costs);
  const rows = tasks.flatMap(({ isHigherBetter, scores, comparisons }) => {
    const comparisonOf = byArm(comparisons);
    return scores.map((score) => {
      const comparison = comparisonOf.get(armKey(score));
      const cost = costOf.get(armKey(score));
      return {
        task: score.task,
        method: score.method,
        varied: JSON.stringify(score.varied),
        metric: score.metric,
        is_higher_better: isHigherBetter,
        planned: score.planned,
        n: score.n,
        failed: score.failed,
        not_finite: score.notFinite,
        unfinished: score.unfinished,
        mean: score.mean,
        sd: score.sd,
        median: score.median,
        interquartile_mean: score.interquartileMean,
        low: score.interval.low,
        high: score.interval.high,
        baseline: comparison?.baseline,
        pairs: comparison?.n,
        difference: comparison?.difference,
        difference_low: comparison?.interval.low,
        difference_high: comparison?.interval.high,
        p: comparison?.p,
        smallest_p: comparison?.smallestP,
        holm_p: comparison?.adjusted,
        holm_p_all_tasks: comparison?.adjustedOverAll,
        improvement: comparison?.improvement.value,
        improvement_low: comparison?.improvement.interval.low,
        improvement_high: comparison?.improvement.interval.high,
        seeds_needed: comparison?.seedsNeeded,
        verdict: comparison?.verdict,
        seconds: cost?.seconds,
        relative_seconds: cost?.relativeSeconds,
        peak_bytes: cost?.peakBytes,
        relative_peak_bytes: cost?.relativePeakBytes,
      };
    });
  });
  const names = Object.keys(rows[0] ?? {}) as (keyof typeof rows[number])[];
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return lines.map((line) => `${line.map(fieldText).join(",")}\n`).join("");
}

/** A field after RFC 4180. */
function fieldText(value: unknown): string {
  if (value === undefined || Number.isNaN(value)) return "";
  const text = `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
