/**
 * A saved run, opened again: base model, adapter and configuration.
 *
 * @module
 */

import { fold, seedKey } from "../core/random.ts";
import type { Device } from "../core/storage.ts";
import type { ModelConfig } from "../nn/config.ts";
import type { LanguageModel } from "../nn/decoder.ts";
import type { Classifier } from "../nn/model.ts";
import { loadAdapter } from "./adapter.ts";
import { checkConfig, type TrainConfig, trainOptions } from "./config.ts";
import { type GlueTask, glueTasks } from "./data/glue_tasks.ts";
import { fallbacks, type OptionValues, parseObject } from "./flags.ts";
import { openClassifier, openLanguageModel, readConfig } from "./load_model.ts";
import { loadTokenizer } from "./load_tokenizer.ts";
import { readRun } from "./run_folder.ts";
import { generates } from "./tasks/kind.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The configuration a run was made with, changed by what is given. */
export async function runConfig(run: string, changes: OptionValues = {}): Promise<TrainConfig> {
  const { config } = await readRun(run);
  const saved = parseObject(trainOptions, config, `${run}/run.json`);
  return checkConfig({ ...fallbacks(trainOptions), ...saved, ...changes });
}

/** A model as it was trained. */
export interface OpenRun {
  /** Base model with the adapter. */
  readonly model: Classifier | LanguageModel;
  /** Configuration of the base model. */
  readonly architecture: ModelConfig;
  /** Its tokenizer. */
  readonly tokenizer: Tokenizer;
}

/** Opens a run's model; the open scope owns it. */
export async function openRun(run: string, config: TrainConfig, device: Device): Promise<OpenRun> {
  const tokenizer = await loadTokenizer(config.model);
  const architecture = await readConfig(config.model);
  const key = fold(seedKey(config.seed), "initialisation");
  const { model } = generates(config.task)
    ? await openLanguageModel(config.model, device, key)
    : await openClassifier(config.model, device, key, labelsOf(config.task));
  await loadAdapter(model, architecture, run, device);
  return { model, architecture, tokenizer };
}

function labelsOf(task: GlueTask): number {
  return Math.max(1, glueTasks[task].labels.length);
}
