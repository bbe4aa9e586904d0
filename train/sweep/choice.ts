/**
 * Which settings of those that were tried a run is reported with.
 *
 * @module
 */

import type { GivenConfig } from "../config/config.ts";
import { judgedByOf } from "./judged_by.ts";
import type { Outcome } from "./outcome.ts";
import type { PlannedRun } from "./planned_run.ts";

/** A run that was tried, and what came of it; undefined while it is not over. */
export interface Tried {
  /** The run. */
  readonly run: PlannedRun;
  /** What came of it. */
  readonly outcome: Outcome | undefined;
}

/** Values of what is tuned, by option. */
export type GridPoint = Readonly<Record<string, number>>;

/** What the runs that were tried come to. */
export interface Choice {
  /** Best of the points; undefined while runs are not over, and where each point has one that failed. */
  readonly point: GridPoint | undefined;
  /** Its mean figure over the seeds. */
  readonly mean: number | undefined;
  /** Runs that are not over. */
  readonly open: number;
  /** Runs that failed, or ended without a number: their points are not chosen. */
  readonly failed: number;
}

/** The values of a run for what is tuned. */
export function pointOf(settings: GivenConfig, tuned: readonly string[]): GridPoint {
  const entries = tuned.flatMap((name) => {
    const value = settings[name as keyof GivenConfig];
    return typeof value === "number" ? [[name, value] as const] : [];
  });
  return Object.fromEntries(entries);
}

/**
 * The point with the best mean of the task's metric in the last evaluation, over its seeds. Nothing is
 * chosen before all runs are over; a point of which a seed failed is not chosen. Of equal ones the
 * smaller values win, in the order of what is tuned.
 *
 * @param tuned What is tuned, by option
 */
export function choose(tried: readonly Tried[], tuned: readonly string[]): Choice {
  const open = tried.filter(({ outcome }) => outcome === undefined).length;
  const figures = tried.map(({ run, outcome }) => {
    const { metric, isHigherBetter } = judgedByOf(run.settings);
    const value = outcome?.status === "done" ? outcome.last[metric] ?? NaN : NaN;
    return { point: pointOf(run.settings, tuned), figure: isHigherBetter ? value : -value, value };
  });
  const failed = figures.filter(({ figure }) => !Number.isFinite(figure)).length - open;
  if (open > 0) return { point: undefined, mean: undefined, open, failed };
  const points = [...Map.groupBy(figures, ({ point }) => JSON.stringify(point)).values()];
  const means = points.map((seeds) => ({
    point: seeds[0]!.point,
    figure: meanOf(seeds.map(({ figure }) => figure)),
    mean: meanOf(seeds.map(({ value }) => value)),
  })).filter(({ figure }) => Number.isFinite(figure));
  const [best] = means.toSorted((a, b) => b.figure - a.figure || compared(a.point, b.point, tuned));
  return { point: best?.point, mean: best?.mean, open, failed };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function compared(a: GridPoint, b: GridPoint, tuned: readonly string[]): number {
  const name = tuned.find((name) => a[name] !== b[name]);
  return name === undefined ? 0 : a[name]! - b[name]!;
}
