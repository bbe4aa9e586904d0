/**
 * The folder of a run: adapter in PEFT's format, settings, metrics and checkpoints.
 *
 *     adapter_config.json  adapter_model.safetensors  hiddenkey_config.json  README.md
 *     run.json  metrics.jsonl  dev_predictions.jsonl  best/  last/  checkpoint-N/
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
import {
  appendText,
  copyFolder,
  dropFolder,
  removeAll,
  replaceFolder,
  syncAppended,
} from "../files/folder.ts";
import type { Prediction } from "../tasks/prediction.ts";
import { saveAdapter } from "./adapter.ts";
import { checkpointSteps } from "./training_checkpoint.ts";

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

/** Files of an adapter in the folder of a run. */
export const adapterFiles = [
  "adapter_model.safetensors",
  "adapter_config.json",
  "hiddenkey_config.json",
  "README.md",
] as const;

/** Writes run.json: options, classes and facts of a run, and its result once there is one. */
export async function saveRun(directory: string, run: unknown): Promise<void> {
  await writeJson(`${directory}/run.json`, run);
}

/** One setting that a run went on with, and what it was. */
export interface Change {
  /** Value before; null where there was none. */
  readonly from: unknown;
  /** Value from there on. */
  readonly to: unknown;
}

/** Settings that were changed, by the names of their options. */
export type Changes = Readonly<Record<string, Change>>;

/** A part of a run with settings of its own. */
export interface RunSegment {
  /** Optimiser steps done before it. */
  readonly step: number;
  /** What was changed there. */
  readonly changes: Changes;
}

/** What run.json says of a run. */
export interface SavedRun {
  /** Options as they were saved, not checked against the present table. */
  readonly config: Record<string, unknown>;
  /** Words of its classes, where it has classes. */
  readonly classes: readonly string[] | undefined;
  /** Where settings were changed, in the order of steps. */
  readonly segments: readonly RunSegment[];
  /** How it ended; undefined while it has not. */
  readonly result: Readonly<Record<string, unknown>> | undefined;
  /** All of it, not checked. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * Reads run.json: of a run, or of the run that one of its folders with an adapter belongs to.
 *
 * @throws {FileError} If it is missing or not of this project
 */
export async function readRun(directory: string): Promise<SavedRun> {
  const path = await runFile(directory);
  const json = await readJson(path);
  const { config, classes, segments, result } = isRecord(json) ? json : {};
  if (!isRecord(json) || !isRecord(config)) {
    throw new FileError("Cannot read the run as key config is required: found none", path);
  }
  return {
    config,
    classes: classes === undefined ? undefined : classWords(classes, path),
    segments: segments === undefined ? [] : segmentsOf(segments, path),
    result: isRecord(result) ? result : undefined,
    json,
  };
}

async function runFile(directory: string): Promise<string> {
  const path = `${directory}/run.json`;
  if (!/(?:^|\/)(?:checkpoint-\d+|best|last)\/*$/.test(directory) || await exists(path)) {
    return path;
  }
  return `${directory.replace(/\/+$/, "")}/../run.json`;
}

function segmentsOf(segments: unknown, path: string): RunSegment[] {
  const list: unknown[] = Array.isArray(segments) ? segments : [undefined];
  const isSegment = (one: unknown): one is RunSegment =>
    isRecord(one) && typeof one["step"] === "number" && isRecord(one["changes"]) &&
    Object.values(one["changes"]).every((change) => isRecord(change));
  if (list.every(isSegment)) return list;
  throw new FileError(
    "Cannot read the run as objects with step and changes are required in key segments: found " +
      excerpt(segments),
    path,
  );
}

/** Options of a saved run as they were at a step: later segments had others. */
export function configAt({ config, segments }: SavedRun, step: number): Record<string, unknown> {
  const values = { ...config };
  for (const { changes } of segments.filter((segment) => segment.step > step).toReversed()) {
    for (const [name, { from }] of Object.entries(changes)) {
      if (from === null) delete values[name];
      else if (name in values) values[name] = from;
    }
  }
  return values;
}

/** A fact that run.json says, as it was at a step: later segments had others. */
export function factAt({ json, segments }: SavedRun, step: number, name: string): unknown {
  const later = segments.find((segment) =>
    segment.step > step && Object.hasOwn(segment.changes, name)
  );
  return later === undefined ? json[name] : later.changes[name]!.from;
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

/** Makes the lines of metrics.jsonl outlast a power cut, as a checkpoint that follows them does. */
export async function syncMetrics(directory: string): Promise<void> {
  await syncAppended(`${directory}/metrics.jsonl`);
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

/** How far a run was when its checkpoint was saved. */
export interface Reached {
  /** Optimiser steps done; -1 before anything was. */
  readonly step: number;
  /** Step of the last evaluation: that of `step` itself may have been still to come. */
  readonly evaluatedStep: number;
}

/**
 * Takes a run back to where it was: it is no longer over, what it did later goes from metrics.jsonl,
 * and later checkpoints go.
 *
 * @throws {FileError} If a line of metrics.jsonl, apart from a torn last one, has no step
 */
export async function rewindRun(directory: string, reached: Reached): Promise<void> {
  const { step } = reached;
  const kept = await metricsUntil(directory, reached);
  await reopenRun(directory);
  // They are those of a later evaluation, which comes again.
  await removeAll(`${directory}/dev_predictions.jsonl`);
  // The newest goes first: where the process is killed, those that are left are a run's.
  const later = (await checkpointSteps(directory)).filter((each) => each > step);
  for (const each of later.sort((a, b) => b - a)) {
    await dropFolder(`${directory}/checkpoint-${each}`);
  }
  if (kept !== undefined) await writeFileAtomic(`${directory}/metrics.jsonl`, kept);
}

/** Takes its result from a run that is over, before anything that led to it goes. */
async function reopenRun(directory: string): Promise<void> {
  const { result, ...unfinished } = (await readRun(directory)).json;
  if (result !== undefined) await saveRun(directory, unfinished);
}

/** Lines of metrics.jsonl up to there; undefined where there is no such file. */
async function metricsUntil(
  directory: string,
  { step, evaluatedStep }: Reached,
): Promise<string | undefined> {
  const path = `${directory}/metrics.jsonl`;
  if (!await exists(path)) return undefined;
  // What follows the last line break is empty, or torn by a crash.
  const lines = (await readText(path)).split("\n").slice(0, -1);
  const kept = lines.filter((line, i) => {
    const logged = loggedAt(line, path, i + 1);
    return logged.step <= (logged.isEvaluation ? Math.min(step, evaluatedStep) : step);
  });
  return kept.map((line) => `${line}\n`).join("");
}

/**
 * Copies what a run had done into another folder: its metrics and checkpoints.
 *
 * @param made Called with each path before something is put there
 * @throws {FileError} If a line of metrics.jsonl has no step, or the system refuses
 */
export async function copyRun(
  directory: string,
  target: string,
  reached: Reached,
  made: (path: string) => void,
): Promise<void> {
  const { step } = reached;
  const metrics = await metricsUntil(directory, reached);
  for (const earlier of (await checkpointSteps(directory)).filter((each) => each <= step)) {
    const name = `checkpoint-${earlier}`;
    made(`${target}/${name}`);
    await replaceFolder(`${target}/${name}`, (to) => copyFolder(`${directory}/${name}`, to));
  }
  if (metrics === undefined) return;
  made(`${target}/metrics.jsonl`);
  await writeFileAtomic(`${target}/metrics.jsonl`, metrics);
}

/** Of what step a line is, and whether it is an evaluation's. */
function loggedAt(line: string, path: string, number: number) {
  try {
    const record = JSON.parse(line);
    const isEvaluation = Object.keys(record).some((name) => name.startsWith("eval_"));
    if (typeof record.step === "number") return { step: record.step as number, isEvaluation };
  } catch {
    // Falls through to the error.
  }
  throw new FileError("Cannot rewind metrics as an object with a step is required", path, number);
}
