/**
 * The runs of a sweep that are left, made in this process.
 *
 * @module
 */

import { DeviceError } from "../../core/errors.ts";
import type { GivenConfig } from "../config/config.ts";
import { exists } from "../files/files.ts";
import { removeAll } from "../files/folder.ts";
import { FolderLock } from "../files/lock.ts";
import type { TrainHooks } from "../train.ts";
import { execute, trainFolder } from "./execute.ts";
import { type Outcome, readOutcome } from "./outcome.ts";
import { folderOfRun } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import { type QueueCounts, RunQueue } from "./run_queue.ts";
import type { SweepState } from "./sweep_state.ts";

/** How runs are made. */
export interface SweepRunOptions {
  /** Runs at once, each with a device of its own; default 1. */
  readonly together?: number;
  /** Settings of the machine, which hold against those of the plan. */
  readonly device?: GivenConfig;
  /** Ends the runs behind the step that is running; they are left to go on. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds between looks at runs that others hold; default 500. */
  readonly interval?: number;
}

/** Who is told of the runs. */
export interface SweepRunHooks {
  /** Called before a run begins, or goes on; gives who is told of its training. */
  readonly onBegin?: (run: PlannedRun) => TrainHooks;
  /** Called when a run is over. */
  readonly onEnd?: (run: PlannedRun, outcome: Outcome) => void;
  /** Called where a run cannot be made here; it is left. */
  readonly onRefused?: (run: PlannedRun, error: Error) => void;
  /** Called once where other processes hold the runs that are left. */
  readonly onWait?: () => void;
}

/** What came of the runs. */
export interface SweepRunCounts extends QueueCounts {
  /** Runs that this process ended. */
  readonly done: number;
  /** Runs that failed in this process. */
  readonly failed: number;
}

/**
 * Makes the runs that are left, in their order, until all are over. A run that another process holds is
 * looked at again: where that process dies, it is gone on with.
 *
 * @throws {DeviceError} If the device is lost: what was running is left to go on
 */
export async function runSweep(
  sweep: SweepState,
  runs: readonly PlannedRun[],
  options: SweepRunOptions = {},
  hooks: SweepRunHooks = {},
): Promise<SweepRunCounts> {
  const { together = 1, device, interval = 500 } = options;
  const lost = new AbortController();
  const signal = AbortSignal.any([lost.signal, ...options.signal ? [options.signal] : []]);
  const queue = new RunQueue(sweep, runs);
  const counts = { done: 0, failed: 0 };
  let isWaiting = false;
  const worker = async () => {
    while (!signal.aborted) {
      const claimed = await queue.next();
      if (claimed === undefined) return;
      if (claimed === "later") {
        if (together === 1 && !isWaiting) hooks.onWait?.();
        isWaiting = true;
        await pause(interval, signal);
        continue;
      }
      await using claim = claimed;
      const { run, point } = claim;
      try {
        const own = hooks.onBegin?.(run);
        const { folder } = sweep;
        const outcome = await execute({ folder, run, point, device }, { ...own, signal });
        if (outcome === undefined) continue;
        counts[outcome.status]++;
        hooks.onEnd?.(run, outcome);
      } catch (error) {
        // The other runs of a lost device end too, each with what it has saved.
        if (error instanceof DeviceError || !(error instanceof Error)) {
          lost.abort();
          throw error;
        }
        hooks.onRefused?.(run, error);
      }
    }
  };
  const workers = Array.from({ length: together }, worker);
  const ends = await Promise.allSettled(workers);
  const broken = ends.find((end) => end.status === "rejected");
  if (broken !== undefined) throw broken.reason;
  return { ...queue.counts, ...counts };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}

/**
 * Forgets what failed, so that it is tried again from its start.
 *
 * @returns How many runs are tried again
 * @throws {FileError} If the system refuses
 */
export async function forgetFailed(folder: string, runs: readonly PlannedRun[]): Promise<number> {
  let count = 0;
  for (const { id } of runs) {
    const place = folderOfRun(folder, id);
    if (!await exists(`${place}/outcome.json`)) continue;
    const lock = await FolderLock.tryTake(place);
    if (lock === undefined) continue;
    await using _lock = lock;
    if ((await readOutcome(folder, id))?.status !== "failed") continue;
    // What says that it failed goes last: until then it has.
    await removeAll(trainFolder(folder, id));
    await removeAll(`${place}/outcome.json`);
    count++;
  }
  return count;
}
