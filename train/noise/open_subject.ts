/**
 * What is measured, from disk or from the demonstration.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { foldKey, type Key, seedKey } from "../../core/random.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../config/config.ts";
import { baseConfig } from "../demo/base.ts";
import { openBase } from "../demo/base_file.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { openClassifier, openLanguageModel, readConfig } from "../run/load_model.ts";
import { loadTokenizer } from "../run/load_tokenizer.ts";
import { maxSequenceLength, openTask } from "../tasks/open.ts";
import { demonstrationName, demonstrationSubject } from "./demonstration.ts";
import { drawExamples, type Subject } from "./subject.ts";

/** Which model is measured, and on how many examples. */
export interface SubjectOptions {
  /** Model, data and task; all or none, which is the demonstration. */
  readonly source?: Pick<TrainConfig, "model" | "data" | "task">;
  /** Examples. */
  readonly batch: number;
  /** Most tokens in a sequence; the task's usual limit where absent. */
  readonly maxLength?: number;
  /** Seed of the head and of the choice of examples. */
  readonly seed: number;
}

/**
 * Opens a model, which the open scope owns, and draws training examples.
 *
 * @throws {OptionError} If there are fewer examples than the batch asks for
 * @throws {FileError} If a file is missing or malformed
 */
export async function openSubject(device: Device, options: SubjectOptions): Promise<Subject> {
  const { source, batch, maxLength, seed } = options;
  const key = foldKey(seedKey(seed), "initialisation");
  const limit: GivenConfig = maxLength === undefined ? {} : { maxLength };
  if (source === undefined) {
    const name = demonstrationName;
    const config = resolveConfig({ task: "rte", data: name, model: name }, limit);
    const maxLength = maxSequenceLength(config, baseConfig);
    const open = (key: Key) => openBase(device, key);
    return await demonstrationSubject(open, { batch, seed, maxLength });
  }
  const config = resolveConfig(source, limit, { devLimit: 1 });
  const { directory } = await resolveModel(source.model, "model");
  const architecture = await readConfig(directory);
  const task = await openTask(config, architecture, await loadTokenizer(directory));
  const { padId, regression } = task;
  const drawn = drawExamples(task.train, { batch, seed });
  const { model } = task.labels === 0
    ? await openLanguageModel(directory, device, key)
    : await openClassifier(directory, device, key, task.labels);
  const folder = source.model.replace(/\/+$/, "").split("/").at(-1);
  const name = `${folder} and ${task.name}`;
  return { model, config: architecture, regression, padId, name, ...drawn };
}
