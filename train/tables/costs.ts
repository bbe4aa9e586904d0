/**
 * What runs of an arm cost, and how that compares with the baseline.
 *
 * @module
 */

import { median } from "../statistics/summary.ts";
import type { Arm } from "../sweep/planned_run.ts";
import { type ArmRuns, baselineOf } from "./arms.ts";

/** Time and memory of an arm's runs that are done; NaN where nothing is known. */
export interface ArmCost extends Arm {
  /** Method and what else tells it apart. */
  readonly label: string;
  /** Runs whose time is known. */
  readonly runs: number;
  /** Median wall time of a run, in seconds. */
  readonly seconds: number;
  /** Times that of the baseline. */
  readonly relativeSeconds: number;
  /** Median of the most bytes of tensors at once. */
  readonly peakBytes: number;
  /** Times that of the baseline. */
  readonly relativePeakBytes: number;
  /** What ran the programs, each once. */
  readonly backends: readonly string[];
}

/**
 * Costs of all arms.
 *
 * @param method Method of the baseline
 */
export function costsOf(arms: readonly ArmRuns[], method: string): ArmCost[] {
  return arms.map((arm) => {
    const { task, method: name, varied, label } = arm;
    const own = measured(arm);
    const baseline = baselineOf(arm, method, arms);
    const other = baseline === undefined ? undefined : measured(baseline);
    return {
      ...{ task, method: name, varied, label, ...own },
      relativeSeconds: own.seconds / (other?.seconds ?? NaN),
      relativePeakBytes: own.peakBytes / (other?.peakBytes ?? NaN),
    };
  });
}

function measured({ runs }: ArmRuns) {
  const done = runs.filter(({ status }) => status === "done");
  const seconds = done.flatMap((run) => run.seconds ?? []);
  const bytes = done.flatMap((run) => run.peakBytes ?? []);
  return {
    runs: seconds.length,
    seconds: seconds.length === 0 ? NaN : median(seconds),
    peakBytes: bytes.length === 0 ? NaN : median(bytes),
    backends: [...new Set(done.flatMap(({ backend }) => backend ?? []))],
  };
}
