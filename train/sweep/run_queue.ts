/**
 * Runs that are left, handed out one after the other: no two processes, and no two workers of one,
 * have the same run.
 *
 * @module
 */

import { exists } from "../files/files.ts";
import { makeFolder } from "../files/folder.ts";
import { FolderLock, lockName } from "../files/lock.ts";
import type { GridPoint } from "./choice.ts";
import { folderOfRun } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import type { SweepState } from "./sweep_state.ts";

/** A run that nobody else works on until it is disposed. */
export interface HeldRun extends AsyncDisposable {
  /** The run. */
  readonly run: PlannedRun;
  /** Settings that were chosen for it; undefined where none are. */
  readonly point: GridPoint | undefined;
}

/** What is known of the runs that a queue has handed out or passed over. */
export interface QueueCounts {
  /** Runs that were done before this process came to them. */
  readonly before: readonly PlannedRun[];
  /** Runs that had failed before. */
  readonly failedBefore: readonly PlannedRun[];
  /** Runs whose settings cannot be chosen, as each point has a run that failed. */
  readonly impossible: readonly PlannedRun[];
  /** Runs that are left: what chooses their settings is not over, or they were given back. */
  readonly left: readonly PlannedRun[];
}

/** Runs of a sweep, in their order. */
export class RunQueue {
  readonly #pending: Map<string, PlannedRun>;
  readonly #mine = new Set<string>();
  readonly #before = { done: [] as PlannedRun[], failed: [] as PlannedRun[] };
  readonly #impossible: PlannedRun[] = [];
  readonly #givenBack: PlannedRun[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  /** Takes the runs that are to be made; what is not among them is left to others. */
  constructor(private readonly sweep: SweepState, runs: readonly PlannedRun[]) {
    this.#pending = new Map(runs.map((run) => [run.id, run]));
  }

  /** What is known of its runs. */
  get counts(): QueueCounts {
    return {
      before: this.#before.done,
      failedBefore: this.#before.failed,
      impossible: this.#impossible,
      left: [...this.#pending.values(), ...this.#givenBack],
    };
  }

  /**
   * Claims the next run that can begin.
   *
   * @returns `later` where runs are held that may end, or be let go; undefined where nothing is left to
   * do here
   */
  next(): Promise<HeldRun | "later" | undefined> {
    const turn = this.#turn.then(() => this.#next());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #next(): Promise<HeldRun | "later" | undefined> {
    let isHeld = false;
    for (const run of [...this.#pending.values()]) {
      if (this.#mine.has(run.id)) {
        isHeld = true;
        continue;
      }
      if (run.tunedBy?.some((id) => this.#pending.has(id))) continue;
      if (await this.#isOver(run)) continue;
      const choice = await this.sweep.choiceOf(run);
      if (choice !== undefined && choice.point === undefined) {
        if (choice.open === 0) this.#pass(run, this.#impossible);
        continue;
      }
      const claim = await this.#claim(run, choice?.point);
      if (claim === "held") isHeld = true;
      else if (claim !== "over") return claim;
    }
    return isHeld ? "later" : undefined;
  }

  /** Whether a run is over; it is then passed over. */
  async #isOver(run: PlannedRun): Promise<boolean> {
    const outcome = await this.sweep.outcomeOf(run.id);
    if (outcome === undefined) return false;
    this.#pass(run, this.#before[outcome.status]);
    // A process that was killed behind its last write has left its lock.
    const place = folderOfRun(this.sweep.folder, run.id);
    const isLeft = await exists(`${place}/${lockName}`);
    if (isLeft) await (await FolderLock.tryTake(place))?.[Symbol.asyncDispose]();
    return true;
  }

  #pass(run: PlannedRun, to: PlannedRun[]): void {
    this.#pending.delete(run.id);
    to.push(run);
  }

  /** Locks a run's folder, unless another process holds it or has ended it. */
  async #claim(run: PlannedRun, point: GridPoint | undefined): Promise<HeldRun | "over" | "held"> {
    const place = folderOfRun(this.sweep.folder, run.id);
    await makeFolder(place);
    const lock = await FolderLock.tryTake(place);
    if (lock === undefined) return "held";
    let isOver = true;
    try {
      isOver = await this.#isOver(run);
    } finally {
      if (isOver) await lock[Symbol.asyncDispose]();
    }
    if (isOver) return "over";
    this.#mine.add(run.id);
    return {
      run,
      point,
      [Symbol.asyncDispose]: async () => {
        await lock[Symbol.asyncDispose]();
        this.#mine.delete(run.id);
        this.#pending.delete(run.id);
        if (await this.sweep.outcomeOf(run.id) === undefined) this.#givenBack.push(run);
      },
    };
  }
}
