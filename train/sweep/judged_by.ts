/**
 * The metric that runs of a task are judged by.
 *
 * @module
 */

import type { GivenConfig } from "../config/config.ts";
import { generates, ownsTexts } from "../data/text_tasks.ts";
import { isMinimised } from "../metrics/direction.ts";
import { labelKind } from "../tasks/labelled.ts";
import type { SweepResult } from "./sweep_result.ts";

/**
 * The metric of a run: the one that it asks for, or the task's. Texts of published data sets are judged by
 * BLEU where they are written, else by their loss as the user's own are.
 */
export function judgedByOf(
  { task, bestMetric, generate }: GivenConfig,
): Pick<SweepResult, "metric" | "isHigherBetter"> {
  const metric = bestMetric ?? usualMetric(task!, generate);
  return { metric, isHigherBetter: !isMinimised(metric) };
}

function usualMetric(task: NonNullable<GivenConfig["task"]>, generate: number | undefined): string {
  if (ownsTexts(task)) return "loss";
  if (generates(task)) return generate === 0 ? "loss" : "bleu";
  return labelKind(task, []).primaryMetric;
}
