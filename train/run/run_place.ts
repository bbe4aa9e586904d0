/**
 * Where a run is written, what it goes on from, and with which settings.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import { alone, type Group } from "../distributed/group.ts";
import { sameFile } from "../files/files.ts";
import { configOf } from "./open_run.ts";
import { changesOf, findResumed, requireUnchanged, type Resumed, runOf } from "./resume.ts";
import { RunClaim } from "./run_claim.ts";
import type { DataFingerprints } from "./fingerprint.ts";
import { type Changes, factAt } from "./run_folder.ts";

/** Data that a run goes on with, by their facts, and what messages call them. */
const comparedData: readonly (readonly [keyof DataFingerprints, string])[] = [
  ["trainingData", "training"],
  ["developmentData", "development"],
];

/** What a run that is resumed asks for. */
export interface ResumeOptions {
  /** Checkpoint, or run whose last checkpoint, to go on from. */
  readonly resume?: string | undefined;
  /** Whether it may go on with other settings. */
  readonly change?: boolean | undefined;
}

/** The place of a run; its folder is locked. */
export class RunPlace implements AsyncDisposable {
  private constructor(
    /** Its folder; undefined where nothing is written. */
    readonly claim: RunClaim | undefined,
    /** What it goes on from; undefined for a new run. */
    readonly resumed: Resumed | undefined,
    /** Whether it goes on in its own folder. */
    readonly goesOn: boolean,
    /** Settings that are not those it was made with. */
    private settings: Changes,
  ) {}

  /**
   * Locks the folder of a run, and looks what it is resumed from. In a group process 0 does, and tells
   * the others.
   *
   * @throws {OptionError} If settings are changed that may not be
   * @throws {FileError} If the folder is in use or holds something else, or there is nothing to resume
   */
  static async open(
    config: TrainConfig,
    options: ResumeOptions,
    group: Group = alone,
  ): Promise<RunPlace> {
    if (group.rank > 0) {
      const { resumed, settings } = JSON.parse((await group.gather(""))[0]!);
      return new RunPlace(undefined, resumed, false, settings);
    }
    const place = await RunPlace.#find(config, options);
    try {
      await group.gather(JSON.stringify({ resumed: place.resumed, settings: place.settings }));
      return place;
    } catch (error) {
      await place[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #find(config: TrainConfig, options: ResumeOptions): Promise<RunPlace> {
    const { resume, change = false } = options;
    const { out } = config;
    const run = resume === undefined ? undefined : await runOf(resume);
    const goesOn = run !== undefined && out !== undefined && await sameFile(out, run);
    const claim = out === undefined ? undefined : await RunClaim.open(out, goesOn);
    try {
      const resumed = resume === undefined ? undefined : await findResumed(resume);
      const settings = resumed === undefined
        ? {}
        : changesOf(configOf(resumed.run, resumed.saved, resumed.step), config);
      if (!change) requireUnchanged(settings);
      const place = new RunPlace(claim, resumed, goesOn, settings);
      if (resumed !== undefined) place.#requireCheckpoint(resumed);
      return place;
    } catch (error) {
      await claim?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Settings that are not those it was made with. */
  get changes(): Changes {
    return this.settings;
  }

  /** Whether the run that is resumed is over, and nothing was changed that would let it go on. */
  get isFinished(): boolean {
    return this.resumed?.isFinished === true && Object.keys(this.changes).length === 0;
  }

  /**
   * Compares the data with those of the run that is resumed, as they were where it goes on.
   *
   * @param found What tells them from others
   * @throws {OptionError} If they are others, and nothing may be changed
   */
  checkData(found: DataFingerprints, { change = false }: ResumeOptions): void {
    if (this.resumed === undefined) return;
    const { saved, step } = this.resumed;
    for (const [name, what] of comparedData) {
      const [from, to] = [factAt(saved, step, name), found[name]];
      if (typeof from !== "string" || from === to) continue;
      if (!change) {
        throw new OptionError(
          `Cannot resume as the ${what} data of the run, ${from}, are required: found others, ` +
            `${to}; --change goes on with them`,
        );
      }
      this.settings = { ...this.settings, [name]: { from, to } };
    }
  }

  /**
   * Requires that the run has steps to come, or at least none too many behind it.
   *
   * @param steps Steps of the whole run
   * @throws {OptionError} If more are done already
   */
  checkSteps(steps: number): void {
    const { step = 0, checkpoint } = this.resumed ?? {};
    if (step <= steps) return;
    throw new OptionError(
      `Cannot go on from ${checkpoint} as at least ${step} steps are required of --epochs and ` +
        `--max-steps: found ${steps}`,
    );
  }

  #requireCheckpoint({ checkpoint, isFinished, run }: Resumed): void {
    if (!isFinished || this.isFinished || checkpoint !== undefined) return;
    throw new FileError(
      "Cannot resume a run that is over as a checkpoint-N folder is required: found none",
      run,
    );
  }

  /** Lets go of the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.claim?.[Symbol.asyncDispose]();
  }
}
