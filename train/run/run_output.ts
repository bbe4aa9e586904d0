/**
 * What a training run writes: nothing, or a folder that grows with it.
 *
 * @module
 */

import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import type { Module } from "../../nn/layers/module.ts";
import type { Optimiser } from "../../nn/optim/optimiser.ts";
import type { TrainConfig } from "../config/config.ts";
import { requireEmptyDirectory, sameFile } from "../files/files.ts";
import type { Prediction } from "../tasks/prediction.ts";
import type { Metrics, Task } from "../tasks/task.ts";
import { recordedDropout } from "./describe.ts";
import { modelCard } from "./model_card.ts";
import {
  appendMetrics,
  rewindRun,
  savePredictions,
  saveRun,
  saveRunAdapter,
} from "./run_folder.ts";
import { EventFile } from "./tensor_board.ts";
import { findCheckpoint, restoreCheckpoint, saveCheckpoint } from "./training_checkpoint.ts";

/** What is saved of a run. */
export interface RunContents {
  /** Base model with the adapter that is saved. */
  readonly model: Module;
  /** Trained parameters and the state beside them, which checkpoints hold. */
  readonly optimiser: Optimiser;
  /** What adapter_config.json says. */
  readonly adapter: AdapterConfig;
  /** Settings; `out` is the folder, nothing is written where it is absent. */
  readonly config: TrainConfig;
  /** What the card and run.json say of the task. */
  readonly task: Pick<Task, "name" | "labels" | "classes">;
  /** What hiddenkey_config.json says was dropped. */
  readonly plan: DropoutPlan;
  /** What else run.json says: counts of parameters, the backend. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** How a run ended. */
export interface RunResult {
  /** Optimiser steps done. */
  readonly step: number;
  /** Steps planned for the whole run. */
  readonly steps: number;
  /** Passes over the data done, a fraction within one. */
  readonly epoch: number;
  /** Whether a signal ended it: it is saved as a checkpoint then, to go on from. */
  readonly aborted: boolean;
  /** Metrics of the last evaluation. */
  readonly metrics: Metrics;
}

/** The folder of a run, or nothing where a run has none. */
export class RunOutput {
  readonly #contents: RunContents;
  readonly #say: (line: string) => void;
  #events: EventFile | undefined;

  private constructor(contents: RunContents, say: (line: string) => void) {
    this.#contents = contents;
    this.#say = say;
  }

  /**
   * Prepares the folder. A run that is resumed gets its parameters, moments and step back first, and
   * goes on in its own folder or in a new one.
   *
   * @param resume Checkpoint, or run whose last checkpoint, to go on from
   * @throws {FileError} If the folder holds something else, or the checkpoint does not fit
   */
  static async open(
    contents: RunContents,
    resume: string | undefined,
    say: (line: string) => void,
  ): Promise<RunOutput> {
    const { optimiser, config: { out } } = contents;
    let goesOn = false;
    if (resume !== undefined) {
      const { run, checkpoint } = await findCheckpoint(resume);
      await restoreCheckpoint(checkpoint, optimiser);
      say(`resumed from ${checkpoint} at step ${optimiser.steps}`);
      goesOn = out !== undefined && await sameFile(out, run);
    }
    if (out !== undefined) {
      if (goesOn) await rewindRun(out, optimiser.steps);
      else await requireEmptyDirectory(out);
    }
    const output = new RunOutput(contents, say);
    await output.#saveRun();
    if (out !== undefined && contents.config.tensorboard) {
      output.#events = await EventFile.begin(out, optimiser.steps, contents.config);
    }
    return output;
  }

  /** Appends a record to metrics.jsonl, and to TensorBoard's file where there is one. */
  async append(record: Readonly<Record<string, number>>): Promise<void> {
    const { out } = this.#contents.config;
    if (out !== undefined) await appendMetrics(out, record);
    await this.#events?.add(record);
  }

  /** Keeps what the last evaluation says of each example. */
  async predicted(predictions: readonly Prediction[]): Promise<void> {
    const { out } = this.#contents.config;
    if (out !== undefined) await savePredictions(out, predictions);
  }

  /** Saves what a run can go on from. */
  async checkpoint(step: number, epoch: number, steps: number): Promise<void> {
    const { optimiser, config: { out } } = this.#contents;
    if (out === undefined) return;
    const state = { global_step: step, epoch, max_steps: steps };
    const path = await saveCheckpoint(out, optimiser, (folder) => this.#saveAdapter(folder), state);
    this.#say(`saved ${path}`);
  }

  /** Saves the adapter and how the run ended; a checkpoint where it was stopped. */
  async finish(result: RunResult): Promise<void> {
    const { out } = this.#contents.config;
    const { step, epoch, steps, aborted, metrics } = result;
    if (aborted) return await this.checkpoint(step, epoch, steps);
    if (out === undefined) return;
    await this.#saveAdapter(out, metrics);
    await this.#saveRun(result);
    this.#say(`saved the adapter in ${out}`);
  }

  async #saveRun(result?: RunResult): Promise<void> {
    const { config, task, facts } = this.#contents;
    if (config.out === undefined) return;
    const ended = result && recorded(result);
    await saveRun(config.out, { config, classes: task.classes, ...facts, result: ended });
  }

  async #saveAdapter(folder: string, metrics?: Metrics): Promise<void> {
    const { model, adapter, config, task, plan } = this.#contents;
    await saveRunAdapter(model, adapter, folder, {
      settings: { method: config.method, plan, targets: adapter.targets, config },
      loraDropout: recordedDropout(plan),
      card: modelCard(adapter, config, task, metrics),
    });
  }
}

/** A result as run.json has it: readers of that file know the metrics as `figures`. */
function recorded(result: RunResult): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name === "metrics" ? "figures" : name, value]),
  );
}
