/**
 * What a sweep shows while it runs: a line for each run that ends, and one that says how far it is.
 *
 * @module
 */

import { nameOf } from "../sweep/arms.ts";
import { judgedByOf } from "../sweep/judged_by.ts";
import type { Outcome } from "../sweep/outcome.ts";
import type { PlannedRun } from "../sweep/planned_run.ts";
import type { SweepRunHooks } from "../sweep/run_sweep.ts";
import type { TrainHooks } from "../train.ts";
import { clockText, type Screen, StatusLine } from "./terminal.ts";

/** What is shown. */
export interface SweepShown {
  /** Runs that are to be made. */
  readonly all: number;
  /** Whether only ends of runs are said. */
  readonly quiet: boolean;
  /** Runs at once. */
  readonly together: number;
}

/** What is shown of a sweep that runs. */
export class SweepProgress {
  readonly #line: StatusLine;
  readonly #started: number;
  #over = 0;

  /** Shows nothing yet. */
  constructor(private readonly screen: Screen, private readonly shown: SweepShown) {
    this.#line = new StatusLine(screen);
    this.#started = screen.now();
  }

  /** Takes away what is shown. */
  clear(): void {
    this.#line.clear();
  }

  /** A message, unless only ends are said. */
  note(message: string): void {
    if (!this.shown.quiet) this.#line.say(message);
  }

  /** How a run ended, in one line; that of a child comes as it is. */
  ended(line: string): void {
    this.#over++;
    if (this.shown.quiet) this.screen.write(`${line}\n`);
    else this.#line.say(line);
  }

  /** How far all runs are. */
  far(parts: readonly string[] = []): void {
    if (this.shown.quiet) return;
    const passed = (this.screen.now() - this.#started) / 1000;
    this.#line.show([`${this.#over}/${this.shown.all} runs`, clockText(passed), ...parts]);
  }

  /** Who is told of the runs of this process. */
  get hooks(): SweepRunHooks {
    return {
      onBegin: (run) => this.#begin(run),
      onEnd: (run, outcome) => this.ended(endLine(run, outcome)),
      onRefused: (run, error) => this.ended(`left ${titleOf(run)}: ${error.message}`),
      onWait: () => this.note("the runs that are left are held by other processes: waiting"),
    };
  }

  #begin(run: PlannedRun): TrainHooks {
    const name = this.shown.together === 1 ? [titleOf(run)] : [];
    return {
      onStep: ({ step }, steps) => this.far([...name, `step ${step}/${steps}`]),
      onProgress: ({ phase, done, total }) => this.far([...name, `${phase} ${done}/${total}`]),
    };
  }
}

/** `1a2b3c4d5e6f  hiddenkey on rte, seed 3`. */
function titleOf({ id, arm, seed, stage }: PlannedRun): string {
  return `${id}  ${nameOf(arm)}, seed ${seed}${stage === "tune" ? ", to choose settings" : ""}`;
}

function endLine(run: PlannedRun, { status, last, seconds, error }: Outcome): string {
  const { metric } = judgedByOf(run.settings);
  const figure = last[metric];
  const what = status === "failed" ? error : `${metric} ${figure?.toFixed(4) ?? "none"}`;
  return `${status} ${titleOf(run)}: ${what}  in ${clockText(seconds)}`;
}
