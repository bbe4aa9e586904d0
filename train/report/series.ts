/**
 * Curves of a report: what is drawn of the lines of metrics.jsonl, few enough points for a small page.
 *
 * @module
 */

import type { MetricLine, RunRecord } from "./run_record.ts";

/** A curve: values at steps, of which those that are not drawn are left out. */
export interface Curve {
  /** Steps, rising. */
  readonly steps: readonly number[];
  /** A value for each of them. */
  readonly values: readonly number[];
}

/** Most points of a curve: more than the pixels of a panel are not seen. */
export const mostPoints = 1000;

/** The values of a name, at the steps of the lines that have it. */
export function curveOf(lines: readonly MetricLine[], name: string): Curve {
  const rows = lines.filter((line) => Number.isFinite(line[name]));
  return { steps: rows.map(({ step }) => step!), values: rows.map((line) => line[name]!) };
}

/** Steps that a smoothed curve averages over, of so many. */
export function smoothingSpan(steps: number): number {
  return Math.max(10, Math.round(steps / 50));
}

/**
 * An exponential moving average, corrected for its start as Adam's moments are.
 *
 * @param span Steps that it averages over: the latest has a weight of 1 / span
 */
export function smoothed({ steps, values }: Curve, span: number): Curve {
  let [sum, weight] = [0, 0];
  const keep = 1 - 1 / span;
  return {
    steps,
    values: values.map((value) => {
      sum = keep * sum + (1 - keep) * value;
      weight = keep * weight + (1 - keep);
      return sum / weight;
    }),
  };
}

/**
 * A curve of at most `most` points that looks the same: of each bucket that point which makes the
 * largest triangle with the one kept before it and the mean of the next bucket.
 *
 * Source: Steinarsson, "Downsampling time series for visual representation" (Largest Triangle Three
 * Buckets), University of Iceland, 2013
 *
 * @param most At least 3
 */
export function downsampled({ steps, values }: Curve, most: number): Curve {
  const count = steps.length;
  if (count <= most) return { steps, values };
  const edge = (bucket: number) => 1 + Math.floor(bucket * (count - 2) / (most - 2));
  const kept = [0];
  for (let bucket = 0; bucket < most - 2; bucket++) {
    const [start, end] = [edge(bucket), edge(bucket + 1)];
    const next = bucket === most - 3 ? count : edge(bucket + 2);
    const ahead = { x: meanOf(steps, end, next), y: meanOf(values, end, next) };
    const last = kept.at(-1)!;
    let [best, largest] = [start, -1];
    for (let i = start; i < end; i++) {
      const area = Math.abs(
        (steps[last]! - ahead.x) * (values[i]! - values[last]!) -
          (steps[last]! - steps[i]!) * (ahead.y - values[last]!),
      );
      if (area > largest) [best, largest] = [i, area];
    }
    kept.push(best);
  }
  kept.push(count - 1);
  return { steps: kept.map((i) => steps[i]!), values: kept.map((i) => values[i]!) };
}

function meanOf(values: readonly number[], start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i]!;
  return sum / (end - start);
}

/** Passes over the data in a step; undefined where no line says any. */
export function epochsPerStep({ steps, evaluations }: RunRecord): number | undefined {
  const line = [...steps, ...evaluations].findLast(({ step, epoch }) => step! > 0 && epoch! > 0);
  return line && line["epoch"]! / line["step"]!;
}
