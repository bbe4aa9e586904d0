/**
 * One run of a sweep, as its plan names it.
 *
 * @module
 */

import type { GivenConfig } from "../config/config.ts";
import type { TaskName } from "../config/train_options.ts";

/** What runs are for: choosing settings, or the figures that are reported. */
export const stages = ["tune", "report"] as const;
/** What a run is for. */
export type Stage = typeof stages[number];

/** One line of a plan. */
export interface PlannedRun {
  /** Hash of what the run computes, in hexadecimal digits: the name of its folder. */
  readonly id: string;
  /** What it is for. */
  readonly stage: Stage;
  /** What it is compared by: runs that differ in the seed alone have the same arm. */
  readonly arm: Arm;
  /** Seed of order, initialisation and masks; paired with equal seeds of other arms. */
  readonly seed: number;
  /** Settings of the run, without the folder it is written to; those that are tuned are absent. */
  readonly settings: GivenConfig;
  /** Runs whose best decides the settings that are tuned; absent where none is. */
  readonly tunedBy?: readonly string[];
}

/** What a table has one row or one point for. */
export interface Arm {
  /** What is trained. */
  readonly task: TaskName;
  /** Name of the method, as a table shows it: `hiddenkey`, `dropkey (span)`. */
  readonly method: string;
  /** What else tells arms of a sweep apart, by option: `{ rate: 0.1 }`, `{ rank: 4 }`. */
  readonly varied: Readonly<Record<string, number | string>>;
}
