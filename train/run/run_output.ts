/**
 * What a training run writes: nothing, or a folder that grows with it.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import type { Module } from "../../nn/layers/module.ts";
import type { Optimiser } from "../../nn/optim/optimiser.ts";
import type { TrainConfig } from "../config/config.ts";
import { exists, readBytes, writeFileAtomic } from "../files/files.ts";
import { copyFolder, removeAll, replaceFolder } from "../files/folder.ts";
import type { Prediction } from "../tasks/prediction.ts";
import type { Metrics, Task } from "../tasks/task.ts";
import { recordedDropout } from "./describe.ts";
import {
  type BestEvaluation,
  type FitProgress,
  judgedBy,
  type Judgement,
  judgementOf,
  noProgress,
  progressState,
} from "./fit_progress.ts";
import { type CardEvaluation, modelCard } from "./model_card.ts";
import type { Resumed } from "./resume.ts";
import type { RunPlace } from "./run_place.ts";
import {
  adapterFiles,
  appendMetrics,
  copyRun,
  rewindRun,
  type RunSegment,
  savePredictions,
  saveRun,
  saveRunAdapter,
  syncMetrics,
} from "./run_folder.ts";
import { EventFile } from "./tensor_board.ts";
import { restoreCheckpoint, rotateCheckpoints, saveCheckpoint } from "./training_checkpoint.ts";

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
  /** What else run.json says: counts of parameters, the backend, the training data. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A line of metrics.jsonl. */
export interface MetricsRecord {
  /** Optimiser steps done. */
  readonly step: number;
  /** Numbers by name. */
  readonly [name: string]: number;
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
  /** Whether too many evaluations in a row were not the best. */
  readonly stoppedEarly: boolean;
  /** Metrics of the last evaluation. */
  readonly metrics: Metrics;
  /** The best evaluation; undefined where there was none. */
  readonly best: BestEvaluation | undefined;
  /** Mean task loss of the last epoch; NaN where none was whole. */
  readonly lastEpochLoss: number;
  /** What a checkpoint is to remember. */
  readonly progress: FitProgress;
}

/** The folder of a run, or nothing where a run has none. */
export class RunOutput {
  /** What the run remembers of the steps before. */
  progress: FitProgress = noProgress;
  readonly #segments: readonly RunSegment[];
  /** Records of before the first step; undefined once run.json is there. */
  #pending: MetricsRecord[] | undefined = [];
  #events: EventFile | undefined;
  /** What the last evaluation says of each example. */
  #predictions: readonly Prediction[] = [];

  private constructor(
    private readonly contents: RunContents,
    private readonly place: RunPlace,
    private readonly say: (line: string) => void,
  ) {
    const { resumed, changes } = place;
    const before = resumed?.saved.segments.filter(({ step }) => step <= resumed.step) ?? [];
    const isChanged = resumed !== undefined && Object.keys(changes).length > 0;
    this.#segments = isChanged ? [...before, { step: resumed.step, changes }] : before;
  }

  /**
   * Prepares the folder. A run that is resumed gets its parameters, moments and step back first, and
   * goes on in its own folder or in a new one, which gets what it did before. A new run writes nothing
   * before its first step.
   *
   * @throws {FileError} If the checkpoint does not fit, or the system refuses
   */
  static async open(
    contents: RunContents,
    place: RunPlace,
    say: (line: string) => void,
  ): Promise<RunOutput> {
    const output = new RunOutput(contents, place, say);
    const { resumed } = place;
    if (resumed !== undefined) await output.#restore(resumed);
    output.progress = judgedBy(output.progress, output.#judgement);
    return output;
  }

  async #restore({ run, checkpoint }: Resumed): Promise<void> {
    const { optimiser, config: { out, keep } } = this.contents;
    if (checkpoint === undefined) {
      this.say(`resumed ${run}, which has no checkpoint yet, at its start`);
    } else {
      const progress = await restoreCheckpoint(checkpoint, optimiser);
      this.say(`resumed from ${checkpoint} at step ${optimiser.steps}`);
      if (progress === undefined) {
        this.say(
          "the checkpoint, of an earlier version, does not say which evaluation was the best: " +
            "the best one is that of the steps to come",
        );
      }
      this.progress = progress ?? { ...noProgress, evaluatedStep: optimiser.steps };
    }
    const { goesOn, claim } = this.place;
    if (out === undefined || claim === undefined) return;
    const { evaluatedStep } = this.progress;
    const reached = { step: checkpoint === undefined ? -1 : optimiser.steps, evaluatedStep };
    if (goesOn) await rewindRun(out, reached);
    else {
      await claim.beginCopy();
      await copyRun(run, out, reached, (path) => claim.made(path));
    }
    // A process that was killed may have left the next one to go.
    if (keep !== undefined) await rotateCheckpoints(out, keep);
    await this.#restoreBest(out, checkpoint);
    await this.#begin();
  }

  get #judgement(): Judgement {
    return judgementOf(this.contents.config, this.contents.facts);
  }

  /** Takes the best adapter back to what it was at the checkpoint. */
  async #restoreBest(out: string, checkpoint: string | undefined): Promise<void> {
    const saved = `${checkpoint}/best`;
    if (this.progress.best === undefined) return await removeAll(`${out}/best`);
    if (!await exists(saved)) {
      throw new FileError("Cannot resume as the best adapter is required: found none", saved);
    }
    this.place.claim?.made(`${out}/best`);
    await replaceFolder(`${out}/best`, (folder) => copyFolder(saved, folder));
  }

  /** Writes run.json, and what was recorded before there was anything to keep. */
  async #begin(): Promise<void> {
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    await this.#saveRun();
    const { config } = this.contents;
    if (config.out !== undefined && config.tensorboard) {
      const { resumed } = this.place;
      // The evaluation before the first step may be still to come.
      const next = (resumed?.step || this.progress.evaluatedStep) + 1;
      this.#events = await EventFile.begin(config.out, resumed && next, config);
    }
    for (const record of pending) await this.#append(record);
    await this.place.claim?.keep();
  }

  async #append(record: MetricsRecord): Promise<void> {
    await appendMetrics(this.contents.config.out!, record);
    await this.#events?.add(record);
  }

  /** Appends a record to metrics.jsonl; those of before the first step wait for it. */
  async append(record: MetricsRecord): Promise<void> {
    const { out } = this.contents.config;
    if (out === undefined) return;
    if (this.#pending !== undefined) {
      if (record.step === 0) {
        this.#pending.push(record);
        return;
      }
      await this.#begin();
    }
    await this.#append(record);
  }

  /** Keeps what an evaluation says of each example; before the first step nothing is kept. */
  async predicted(predictions: readonly Prediction[]): Promise<void> {
    this.#predictions = predictions;
    const { out } = this.contents.config;
    if (out !== undefined && this.#pending === undefined) await savePredictions(out, predictions);
  }

  /** Saves what a run can go on from, and the best adapter with it. */
  async checkpoint(
    { step, epoch, steps }: Pick<RunResult, "step" | "epoch" | "steps">,
    progress: FitProgress,
  ): Promise<void> {
    const { optimiser, config: { out, keep } } = this.contents;
    if (out === undefined) return;
    if (this.#pending !== undefined) await this.#begin();
    const remembered = progressState({ ...progress, judgedBy: this.#judgement });
    const state = { global_step: step, epoch, max_steps: steps, ...remembered };
    await syncMetrics(out);
    const path = await saveCheckpoint(out, optimiser, async (folder) => {
      await this.#saveAdapter(folder);
      if (progress.best !== undefined) await copyFolder(`${out}/best`, `${folder}/best`);
    }, state);
    this.say(`saved ${path}`);
    if (keep !== undefined) await rotateCheckpoints(out, keep);
  }

  /** Saves the adapter as it is before an evaluation, which may fail. */
  async saveLast(): Promise<void> {
    const { out } = this.contents.config;
    if (out === undefined) return;
    await replaceFolder(`${out}/last`, (folder) => this.#saveAdapter(folder));
  }

  /** Saves the adapter of the best evaluation so far. */
  async saveBest(best: BestEvaluation): Promise<void> {
    const { out } = this.contents.config;
    if (out === undefined) return;
    await replaceFolder(`${out}/best`, async (folder) => {
      await this.#saveAdapter(folder, best);
      await savePredictions(folder, this.#predictions);
    });
  }

  /** Saves the adapter and how the run ended; a checkpoint where it was stopped. */
  async finish(result: RunResult): Promise<void> {
    const { out, earlyStop, result: asked } = this.contents.config;
    const chosen = asked ?? (earlyStop === undefined ? "last" : "best");
    if (result.aborted) return await this.checkpoint(result, result.progress);
    if (out === undefined) return;
    await syncMetrics(out);
    const { best, step, metrics } = result;
    if (chosen === "best" && best !== undefined) {
      for (const name of adapterFiles) {
        await writeFileAtomic(`${out}/${name}`, await readBytes(`${out}/best/${name}`));
      }
      this.say(`saved the adapter of step ${best.step}, the best one, in ${out}`);
    } else {
      await this.#saveAdapter(out, { metrics, step });
      this.say(`saved the adapter in ${out}`);
    }
    await this.#saveRun(result);
  }

  async #saveRun(result?: RunResult): Promise<void> {
    const { config, task, facts } = this.contents;
    if (config.out === undefined) return;
    const segments = this.#segments.length === 0 ? {} : { segments: this.#segments };
    const ended = result && recorded(result);
    const run = { config, classes: task.classes, ...facts, ...segments, result: ended };
    await saveRun(config.out, run);
  }

  async #saveAdapter(folder: string, evaluation?: CardEvaluation): Promise<void> {
    const { model, adapter, config, task, plan } = this.contents;
    await saveRunAdapter(model, adapter, folder, {
      settings: { method: config.method, plan, targets: adapter.targets, config },
      loraDropout: recordedDropout(plan),
      card: modelCard(adapter, config, task, evaluation),
    });
  }
}

/** A result as run.json has it: readers of that file know the metrics as `figures`. */
function recorded({ progress: _, ...result }: RunResult): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name === "metrics" ? "figures" : name, value]),
  );
}
