/**
 * How far the runs of a sweep are, as its folder says.
 *
 * @module
 */

import { exists } from "../files/files.ts";
import { FolderLock } from "../files/lock.ts";
import { type Choice, choose } from "./choice.ts";
import { type Outcome, readOutcome } from "./outcome.ts";
import { folderOfRun, readPlan, type SweepPlan } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import type { RunStatus } from "./sweep_result.ts";

/** One run and how far it is. */
export interface RunState {
  /** The run. */
  readonly run: PlannedRun;
  /** How far it is. */
  readonly status: RunStatus;
  /** What came of it; undefined while it is not over. */
  readonly outcome: Outcome | undefined;
  /** What chooses its settings; undefined where none is chosen. */
  readonly choice: Choice | undefined;
}

/** A sweep's plan with what came of its runs so far; what was over once is not read again. */
export class SweepState {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #choices = new Map<string, Choice>();
  readonly #runs: ReadonlyMap<string, PlannedRun>;

  private constructor(
    /** The sweep's folder. */
    readonly folder: string,
    /** What is to be run. */
    readonly plan: SweepPlan,
  ) {
    this.#runs = new Map(plan.runs.map((run) => [run.id, run]));
  }

  /**
   * Reads the plan of a folder.
   *
   * @throws {FileError} If there is none, or it is malformed
   */
  static async open(folder: string): Promise<SweepState> {
    return new SweepState(folder, await readPlan(folder));
  }

  /** What came of a run; undefined while it is not over. */
  async outcomeOf(id: string): Promise<Outcome | undefined> {
    const known = this.#outcomes.get(id);
    if (known !== undefined) return known;
    const outcome = await readOutcome(this.folder, id);
    if (outcome !== undefined) this.#outcomes.set(id, outcome);
    return outcome;
  }

  /** What chooses a run's settings; undefined where none is chosen. */
  async choiceOf({ tunedBy }: PlannedRun): Promise<Choice | undefined> {
    if (tunedBy === undefined) return undefined;
    const key = tunedBy.join();
    const known = this.#choices.get(key);
    if (known !== undefined) return known;
    const found = new Map<string, Outcome | undefined>();
    for (const id of tunedBy) found.set(id, await this.outcomeOf(id));
    const choice = this.#choose(tunedBy, (id) => found.get(id));
    if (choice.open === 0) this.#choices.set(key, choice);
    return choice;
  }

  /** How far all runs are, in the order of the plan. */
  async states(): Promise<RunState[]> {
    const now = new Map<string, Outcome | undefined>();
    for (const { id } of this.plan.runs) now.set(id, await this.outcomeOf(id));
    const choices = new Map<string, Choice>();
    const states: RunState[] = [];
    for (const run of this.plan.runs) {
      const key = run.tunedBy?.join();
      if (key !== undefined && !choices.has(key)) {
        choices.set(key, this.#choose(run.tunedBy!, (id) => now.get(id)));
      }
      const choice = key === undefined ? undefined : choices.get(key);
      const outcome = now.get(run.id);
      const status = outcome?.status ?? await this.#openStatus(run, choice);
      states.push({ run, status, outcome, choice });
    }
    return states;
  }

  async #openStatus({ id }: PlannedRun, choice: Choice | undefined): Promise<RunStatus> {
    const place = folderOfRun(this.folder, id);
    if (await exists(place) && await FolderLock.isHeld(place)) return "running";
    return choice !== undefined && choice.point === undefined ? "waiting" : "left";
  }

  #choose(ids: readonly string[], outcomeOf: (id: string) => Outcome | undefined): Choice {
    const tried = ids.map((id) => ({ run: this.#runs.get(id)!, outcome: outcomeOf(id) }));
    return choose(tried, Object.keys(this.plan.head.tuned));
  }
}
