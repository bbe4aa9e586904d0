/**
 * A saved run, opened again: base model, adapter and configuration.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { foldKey } from "../../core/random.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import { type GivenConfig, resolveConfig, runKeys, type TrainConfig } from "../config/config.ts";
import { distributedOptions } from "../config/distributed_options.ts";
import { parseObject } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import type { DownloadHooks } from "../hub/download.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { classNames } from "../tasks/labelled.ts";
import { loadAdapter } from "./adapter.ts";
import { openClassifier, openLanguageModel, readConfig } from "./load_model.ts";
import { loadTokenizer } from "./load_tokenizer.ts";
import { configAt, readRun, type SavedRun } from "./run_folder.ts";

/**
 * Options of a saved run as they hold here: it writes where it lies now, and its file, which may come
 * from elsewhere, names no library to load. Who goes on says whether several processes do.
 *
 * @param step Optimiser steps done where it goes on; default all
 * @throws {FileError} If run.json is missing, or malformed
 */
export function savedOptions(run: string, saved: SavedRun, step = Infinity): GivenConfig {
  const options = parseObject(trainOptions, configAt(saved, step), `${run}/run.json`);
  const { blas, ...others } = Object.fromEntries(
    Object.entries(options).filter(([name]) => !(name in distributedOptions)),
  ) as GivenConfig;
  return { ...others, out: run, ...((blas === "auto" || blas === "off") && { blas }) };
}

/** The configuration of a saved run. */
export function configOf(run: string, saved: SavedRun, step?: number): TrainConfig {
  return resolveConfig(savedOptions(run, saved, step));
}

/** The configuration a run was made with, changed by what is given. */
export async function runConfig(run: string, changes: GivenConfig = {}): Promise<TrainConfig> {
  return resolveConfig(savedOptions(run, await readRun(run)), changes);
}

/** A model as it was trained. */
export interface OpenRun {
  /** Base model with the adapter of the run. */
  readonly model: Model;
  /** Sizes and kind of the base model. */
  readonly architecture: ModelConfig;
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Words of its classes; none for scores and texts. */
  readonly classes: readonly string[];
}

/** Opens a run's model, downloaded where it is not on this machine; the open scope owns it. */
export async function openRun(
  run: string,
  config: TrainConfig,
  device: Device,
  hooks: DownloadHooks = {},
): Promise<OpenRun> {
  const { directory } = await resolveModel(config.model, "model", hooks);
  const tokenizer = await loadTokenizer(directory);
  const architecture = await readConfig(directory);
  const key = foldKey(runKeys(config).initial, "initialisation");
  const classes = classNames(config.task, (await readRun(run)).classes);
  const { model } = classes === undefined
    ? await openLanguageModel(directory, device, key, config)
    : await openClassifier(directory, device, key, Math.max(1, classes.length), config);
  await loadAdapter(model, run, device, hooks.onMessage);
  return { model, architecture, tokenizer, classes: classes ?? [] };
}
