/**
 * `deno task sweep run`: makes the runs of a sweep that are left, or one of them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceOptions } from "../config/device_options.ts";
import type { OptionsOf, OptionTable } from "../config/options.ts";
import { pickOptions } from "../config/parse.ts";
import { stages } from "../sweep/planned_run.ts";
import type { PlannedRun } from "../sweep/planned_run.ts";
import { forgetFailed, runSweep, type SweepRunCounts } from "../sweep/run_sweep.ts";
import {
  indexVariables,
  runAt,
  type SchedulerIndex,
  schedulerIndex,
} from "../sweep/scheduler_index.ts";
import { SweepState } from "../sweep/sweep_state.ts";
import { changeable, type Command, command } from "./command.ts";
import { Interrupt } from "./interrupt.ts";
import { runChildren } from "./sweep_children.ts";
import { SweepProgress } from "./sweep_progress.ts";
import { screenOf } from "./terminal.ts";

// Of the machine's options this one is part of what a run computes: the plan has it.
const { precision: _, ...machineOptions } = deviceOptions;
const device = changeable(machineOptions, "the plan's");

const options = {
  folder: {
    kind: "text",
    help: "folder of the sweep; also as a word",
    positional: true,
    required: true,
  },
  index: {
    kind: "integer",
    min: 0,
    help: "one run alone: the number of its line in the plan, or in its stage, from 0",
    defaultText: `${indexVariables.join(", ")}, or all`,
  },
  jobs: {
    kind: "integer",
    min: 1,
    below: 1025,
    help: "processes that make all runs that are left (more than one: needs --allow-run)",
    defaultText: "1",
  },
  stage: {
    kind: "choice",
    choices: stages,
    help: "runs that choose settings, or those that are reported",
    defaultText: "both",
  },
  together: {
    kind: "integer",
    min: 1,
    below: 257,
    help: "runs at once in a process, each with its own device: on a card they fill it",
    default: 1,
  },
  retry: { kind: "switch", help: "try runs that failed again, from their start", default: false },
  quiet: { kind: "switch", help: "say only how each run ends", default: false },
  ...device,
} as const satisfies OptionTable;

/** Makes runs of a sweep. */
export const sweepRunCommand: Command = command({
  summary: "Make the runs of a sweep that are left, or one of them",
  usage: `  deno task sweep run FOLDER                          all that are left
  deno task sweep run FOLDER --jobs 4                 four at once
  deno task sweep run FOLDER --index 12               one line of the plan

A run that was killed goes on from its last checkpoint (--save-every), else from its start. Several
processes may work on one folder; one with an index is for the arrays of schedulers.`,
  verb: "run",
  options,
  run,
});

const stageWords = { tune: "the runs that choose settings", report: "the runs to report" } as const;

type RunOptions = OptionsOf<typeof options>;

async function run(given: RunOptions): Promise<number> {
  const { folder, jobs = 1, stage, together, retry, quiet } = given;
  const sweep = await SweepState.open(folder);
  const staged = sweep.plan.runs.filter((run) => stage === undefined || run.stage === stage);
  const chosen = indexOf(given);
  const runs = chosen === undefined ? staged : [runAt(staged, chosen)];
  const screen = screenOf(Deno.stdout);
  const progress = new SweepProgress(screen, { all: runs.length, quiet, together });
  using _line = { [Symbol.dispose]: () => progress.clear() };
  if (chosen !== undefined) {
    const list = stage === undefined ? "the plan" : stageWords[stage];
    progress.note(`run ${chosen.index} of ${list}, by ${chosen.source}`);
  }
  if (retry) progress.note(`${await forgetFailed(folder, runs)} runs are tried again`);
  // Rounding depends on the machine, not on the threads.
  const threads = given.threads ?? sharedThreads(jobs * together);
  const machine = { ...pickOptions(device, { ...given }), ...(threads && { threads }) };
  using interrupt = new Interrupt();
  if (jobs > 1) return await runChildren({ given, machine, jobs, interrupt, progress });
  const { signal } = interrupt;
  const counts = await runSweep(sweep, runs, { together, device: machine, signal }, progress.hooks);
  if (interrupt.code !== 0) return interrupt.code;
  return ended(counts, runs, progress);
}

/** Which run alone is asked for, by a flag or a scheduler. */
function indexOf({ index, jobs }: RunOptions): SchedulerIndex | undefined {
  if (index === undefined) return jobs === undefined ? schedulerIndex(Deno.env.get) : undefined;
  if (jobs === undefined) return { index, source: "--index" };
  throw new OptionError("Cannot use --index with --jobs as one of them is required");
}

/** Threads of each of several runs at once; undefined for one, which has them all. */
function sharedThreads(runs: number): number | undefined {
  return runs === 1 ? undefined : Math.max(1, Math.floor(navigator.hardwareConcurrency / runs));
}

/** Says what is left, and gives the exit code: 0 where every run has a result. */
function ended(
  { before, failedBefore, impossible, left, done, failed }: SweepRunCounts,
  runs: readonly PlannedRun[],
  progress: SweepProgress,
): number {
  const parts = [
    [done, "done"],
    [failed, "failed"],
    [before.length, "done before"],
    [failedBefore.length, "failed before"],
    [impossible.length, "without a choice of settings"],
    [left.length, "left"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  progress.note(`${runs.length} run${runs.length === 1 ? "" : "s"}: ${told.join(", ")}`);
  const waiting = left.filter(({ tunedBy }) => tunedBy !== undefined).length;
  if (waiting > 0) {
    progress.note(
      `${waiting} of those left wait for runs that choose their settings: --stage tune`,
    );
  }
  const wrong = failed + failedBefore.length + impossible.length + left.length;
  return wrong === 0 ? 0 : 1;
}
