/**
 * The folder of a run: adapter in PEFT's format, settings, metrics and checkpoints.
 *
 *     adapter_config.json  adapter_model.safetensors  hiddenkey_config.json  README.md
 *     run.json  metrics.jsonl  dev_predictions.jsonl  checkpoint-N/
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import type { Module } from "../../nn/layers/module.ts";
import { mostClasses } from "../data/limits.ts";
import { exists, readJson, readText, writeFileAtomic, writeJson } from "../files/files.ts";
import { appendText, move, removeAll, removeLeftovers } from "../files/folder.ts";
import type { Prediction } from "../tasks/prediction.ts";
import { saveAdapter } from "./adapter.ts";
import { checkpointSteps, partialOf } from "./training_checkpoint.ts";

/** Writes an adapter with the settings PEFT has no place for, and its model card. */
export async function saveRunAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  beside: { readonly settings: unknown; readonly loraDropout: number; readonly card: string },
): Promise<void> {
  await saveAdapter(model, adapter, directory, beside.loraDropout);
  await writeJson(`${directory}/hiddenkey_config.json`, beside.settings);
  await writeFileAtomic(`${directory}/README.md`, beside.card);
}

/** Writes run.json: options, classes and facts of a run, and its result once there is one. */
export async function saveRun(directory: string, run: unknown): Promise<void> {
  await writeJson(`${directory}/run.json`, run);
}

/** What run.json says of a run. */
export interface SavedRun {
  /** Options as they were saved, not checked against the present table. */
  readonly config: Record<string, unknown>;
  /** Words of its classes, where it has classes. */
  readonly classes: readonly string[] | undefined;
}

/**
 * Reads run.json.
 *
 * @throws {FileError} If it is missing or not of this project
 */
export async function readRun(directory: string): Promise<SavedRun> {
  const path = `${directory}/run.json`;
  if (/checkpoint-\d+\/*$/.test(directory) && !await exists(path)) {
    throw new FileError(
      "Cannot read the run as run.json is required: found a checkpoint, whose run is the folder above it",
      directory,
    );
  }
  const run = await readJson(path);
  const { config, classes } = isRecord(run) ? run : {};
  if (!isRecord(config)) {
    throw new FileError("Cannot read the run as key config is required: found none", path);
  }
  return { config, classes: classes === undefined ? undefined : classWords(classes, path) };
}

function classWords(classes: unknown, path: string): string[] {
  const words: unknown[] = Array.isArray(classes) ? classes : [undefined];
  const texts = words.filter((word) => typeof word === "string");
  const different = new Set(texts).size === words.length;
  if (different && texts.length <= mostClasses) return texts;
  const required = `at most ${mostClasses} different words are`;
  throw new FileError(
    `Cannot read the run as ${required} required in key classes: found ${excerpt(classes)}`,
    path,
  );
}

/** Appends one line to metrics.jsonl. */
export async function appendMetrics(directory: string, record: unknown): Promise<void> {
  await appendText(`${directory}/metrics.jsonl`, `${JSON.stringify(record)}\n`);
}

/** Writes dev_predictions.jsonl: what the last evaluation says of each example. */
export async function savePredictions(
  directory: string,
  predictions: readonly Prediction[],
): Promise<void> {
  const lines = predictions.map((one) => `${JSON.stringify(one)}\n`);
  await writeFileAtomic(`${directory}/dev_predictions.jsonl`, lines.join(""));
}

/**
 * Takes a run back to a step: what it did later goes from metrics.jsonl, and later checkpoints and
 * what a killed process left half-written go.
 *
 * @throws {FileError} If a line of metrics.jsonl, apart from a torn last one, has no step
 */
export async function rewindRun(directory: string, step: number): Promise<void> {
  await removeLeftovers(directory);
  const path = `${directory}/metrics.jsonl`;
  const lines = await exists(path) ? (await readText(path)).split("\n") : [];
  // What follows the last line break is empty, or torn by a crash.
  const kept = lines.slice(0, -1).filter((line, i) => stepOf(line, path, i + 1) <= step);
  for (const later of await checkpointSteps(directory)) {
    if (later <= step) continue;
    // Renamed first: a folder that is only half removed must not be resumed.
    const doomed = partialOf(directory, later);
    await removeAll(doomed);
    await move(`${directory}/checkpoint-${later}`, doomed);
    await removeAll(doomed);
  }
  if (lines.length > 0) await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

function stepOf(line: string, path: string, number: number): number {
  try {
    const { step } = JSON.parse(line);
    if (typeof step === "number") return step;
  } catch {
    // Falls through to the error.
  }
  throw new FileError("Cannot rewind metrics as an object with a step is required", path, number);
}
