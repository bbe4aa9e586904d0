/**
 * Where a run is written, what it goes on from, and with which settings.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import { sameFile } from "../files/files.ts";
import { configOf } from "./open_run.ts";
import { changesOf, findResumed, requireUnchanged, type Resumed, runOf } from "./resume.ts";
import { RunClaim } from "./run_claim.ts";
import type { Changes } from "./run_folder.ts";

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
   * Locks the folder of a run, and looks what it is resumed from.
   *
   * @throws {OptionError} If settings are changed that may not be
   * @throws {FileError} If the folder is in use or holds something else, or there is nothing to resume
   */
  static async open(config: TrainConfig, options: ResumeOptions): Promise<RunPlace> {
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
   * Compares the training data with those of the run that is resumed.
   *
   * @param fingerprint What tells them from others
   * @throws {OptionError} If they are others, and nothing may be changed
   */
  checkData(fingerprint: string, { change = false }: ResumeOptions): void {
    const before = this.resumed?.saved.json["trainingData"];
    if (typeof before !== "string" || before === fingerprint) return;
    if (!change) {
      throw new OptionError(
        `Cannot resume as the training data of the run, ${before}, are required: found others, ` +
          `${fingerprint}; --change goes on with them`,
      );
    }
    this.settings = { ...this.settings, trainingData: { from: before, to: fingerprint } };
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
