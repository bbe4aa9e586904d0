/**
 * Which of its runs a scheduler started this process for.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";

/** Variables by which schedulers number their processes, from 0: Slurm, Kubernetes, MPI. */
export const indexVariables = [
  "SLURM_ARRAY_TASK_ID",
  "JOB_COMPLETION_INDEX",
  "PMI_RANK",
] as const;

/** A number of a run, and what says it. */
export interface SchedulerIndex {
  /** Number among the runs, from 0. */
  readonly index: number;
  /** Name of the variable or flag. */
  readonly source: string;
}

/**
 * The number that a scheduler gave this process; undefined where none did.
 *
 * @param valueOf Value of an environment variable
 * @throws {OptionError} If the first variable that is there is no whole number
 */
export function schedulerIndex(
  valueOf: (name: string) => string | undefined,
): SchedulerIndex | undefined {
  const source = indexVariables.find((name) => valueOf(name) !== undefined);
  if (source === undefined) return undefined;
  const text = valueOf(source)!;
  if (/^\d{1,9}$/.test(text)) return { index: Number(text), source };
  throw new OptionError(
    `Cannot use ${source} as the number of a run, from 0, is required: found ${
      JSON.stringify(text)
    }`,
  );
}

/**
 * The run of a number.
 *
 * @param runs Runs in their order
 * @throws {OptionError} If there is none
 */
export function runAt<T>(runs: readonly T[], { index, source }: SchedulerIndex): T {
  const run = runs[index];
  if (run !== undefined) return run;
  throw new OptionError(
    `Cannot use ${source} as a number below ${runs.length}, the number of runs, is required: found ` +
      index,
  );
}
