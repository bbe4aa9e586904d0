/**
 * Checkpoints of a run, from which training goes on to the bit:
 *
 *     checkpoint-N/  the files of an adapter  optimizer.safetensors  trainer_state.json  best/
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { sameShape } from "../../core/shape.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { encodeSafetensors } from "../../nn/formats/safetensors_write.ts";
import { checkpointTensors, type Optimiser, restoreOptimiser } from "../../nn/optim/optimiser.ts";
import type { Trainable } from "../../nn/optim/trainable.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { exists, readJson, writeFileAtomic, writeJson } from "../files/files.ts";
import { dropFolder, namesIn, replaceFolder } from "../files/folder.ts";
import { type FitProgress, readProgress } from "./fit_progress.ts";

/** What trainer_state.json says beside what a run remembers. */
export interface CheckpointState {
  /** Optimiser steps done. */
  readonly global_step: number;
  /** Passes over the data done. */
  readonly epoch: number;
  /** Steps planned for the whole run. */
  readonly max_steps: number;
}

/**
 * Writes checkpoint-N whole: a folder beside it is filled, then renamed. One that is there already
 * stays: it is of the same step of the same run.
 *
 * @throws {FileError} If the system refuses
 */
export async function saveCheckpoint(
  directory: string,
  optimiser: Optimiser,
  saveFiles: (folder: string) => Promise<void>,
  state: CheckpointState,
): Promise<string> {
  const target = `${directory}/checkpoint-${state.global_step}`;
  await replaceFolder(target, async (partial) => {
    await saveFiles(partial);
    const dtype = fileDtypeOf(optimiser.trainable);
    const tensors = await Promise.all(
      Object.entries(checkpointTensors(optimiser)).map(async ([name, t]) => {
        const { buffer, byteLength } = await t.read();
        const bytes = new Uint8Array(buffer as ArrayBuffer, 0, byteLength);
        return { name, dtype, shape: t.shape, bytes } as const;
      }),
    );
    const metadata = layoutOf(optimiser.trainable);
    await writeFileAtomic(`${partial}/optimizer.safetensors`, encodeSafetensors(tensors, metadata));
    await writeJson(`${partial}/trainer_state.json`, state);
  });
  return target;
}

/** How a file has the numbers of the trained parameters. */
function fileDtypeOf({ flat }: Trainable): "F64" | "F32" {
  return flat.dtype === "f64" ? "F64" : "F32";
}

/** What a checkpoint's numbers belong to, as its file says it. */
function layoutOf({ names, parameters }: Trainable): { names: string; shapes: string } {
  return {
    names: JSON.stringify(names),
    shapes: JSON.stringify(parameters.map(({ shape }) => shape)),
  };
}

/**
 * The step of a checkpoint.
 *
 * @throws {FileError} If it is missing, or not that of the folder's name
 */
export async function stepOfCheckpoint(checkpoint: string): Promise<number> {
  const path = `${checkpoint}/trainer_state.json`;
  return stepOf(await readJson(path), checkpoint, path);
}

/**
 * Restores parameters, the optimiser's state and the step.
 *
 * @returns What the run remembered; undefined where an earlier version wrote the checkpoint
 * @throws {FileError} If the checkpoint belongs to other parameters or is damaged
 */
export async function restoreCheckpoint(
  checkpoint: string,
  optimiser: Optimiser,
): Promise<FitProgress | undefined> {
  const statePath = `${checkpoint}/trainer_state.json`;
  const state = await readJson(statePath);
  const step = stepOf(state, checkpoint, statePath);
  const progress = readProgress(state, statePath);
  using file = await Checkpoint.open(`${checkpoint}/optimizer.safetensors`);
  const { trainable } = optimiser;
  const { names, shapes } = layoutOf(trainable);
  const { shape } = trainable.flat;
  const required = Object.keys(checkpointTensors(optimiser));
  const fits = file.metadata.get("names") === names && file.metadata.get("shapes") === shapes &&
    required.every((name) => {
      return file.has(name) && sameShape(file.entry(name).shape, shape);
    });
  if (!fits) {
    throw new FileError(
      `Cannot resume as the checkpoint must hold the ${trainable.names.length} trained ` +
        `parameters (${shape} numbers) of this model, rank and targets: found others`,
      file.path,
    );
  }
  const precision = trainable.flat.dtype === "f64" ? "f64" : "f32";
  for (const name of required) {
    const { dtype } = file.entry(name);
    if (dtype === fileDtypeOf(trainable)) continue;
    throw new FileError(
      `Cannot resume as tensor ${name} must be ${fileDtypeOf(trainable)}: found ${dtype}`,
      file.path,
    );
  }
  const read = (name: string): Promise<Float32Array | Float64Array> =>
    precision === "f64" ? file.readFloat(name, "f64") : file.readFloat(name, "f32");
  const numbers: Record<string, Float32Array | Float64Array> = {};
  for (const name of required) {
    const values = numbers[name] = await read(name);
    requireNumbers(name, values, file.path);
  }
  restoreOptimiser(optimiser, numbers, step);
  return progress;
}

/**
 * Removes the oldest checkpoints.
 *
 * @param keep Number of those that stay
 * @throws {FileError} If the system refuses
 */
export async function rotateCheckpoints(directory: string, keep: number): Promise<void> {
  const steps = (await checkpointSteps(directory)).sort((a, b) => b - a);
  for (const step of steps.slice(keep)) await dropFolder(`${directory}/checkpoint-${step}`);
}

/** Refuses what no training leaves: numbers that are not finite, means of squares below zero. */
function requireNumbers(name: string, values: ArrayLike<number>, path: string): void {
  const least = name === "second" ? 0 : -Infinity;
  const at = Array.prototype.findIndex.call(values, (x) => !(Number.isFinite(x) && x >= least));
  if (at < 0) return;
  const required = least === 0 ? "finite and at least 0" : "finite";
  throw new FileError(
    `Cannot resume as every element of tensor ${name} must be ${required}: ` +
      `found ${values[at]} at element ${at}`,
    path,
  );
}

/** The step of a checkpoint: that of its folder's name, and none that its run did not plan. */
function stepOf(state: unknown, checkpoint: string, path: string): number {
  const { global_step: step, max_steps: most } = isRecord(state) ? state : {};
  const named = /(?:^|\/)checkpoint-(\d+)\/*$/.exec(checkpoint)?.[1];
  const planned = typeof most === "number" ? most : Infinity;
  const required = named === undefined ? "an integer" : `${Number(named)}`;
  const bounds = planned === Infinity ? "" : ` of at most ${planned}, max_steps,`;
  const fits = typeof step === "number" && Number.isSafeInteger(step) && step >= 0 &&
    step <= planned && (named === undefined || step === Number(named));
  if (fits) return step;
  throw new FileError(
    `Cannot resume as ${required}${bounds} is required in key global_step: found ${excerpt(step)}`,
    path,
  );
}

/**
 * The checkpoint a path means: a checkpoint folder itself, or the last one of a run.
 *
 * @throws {FileError} If there is none
 */
export async function findCheckpoint(path: string): Promise<{ run: string; checkpoint: string }> {
  const clean = path.replace(/\/+$/, "");
  if (await exists(`${clean}/trainer_state.json`)) {
    const named = !/(^|\/)\.{1,2}$/.test(clean);
    const run = named ? clean.replace(/\/?[^/]+$/, "") || "." : `${clean}/..`;
    return { run, checkpoint: clean };
  }
  const steps = await checkpointSteps(clean);
  if (steps.length === 0) {
    throw new FileError("Cannot resume as a checkpoint-N folder is required: found none", clean);
  }
  return { run: clean, checkpoint: `${clean}/checkpoint-${Math.max(...steps)}` };
}

/**
 * Steps of a run's checkpoints, in no order.
 *
 * @throws {FileError} If the folder cannot be listed
 */
export async function checkpointSteps(directory: string): Promise<number[]> {
  const names = await namesIn(directory, "Cannot resume as a folder with checkpoints is required");
  return names.flatMap((name) => {
    const found = /^checkpoint-(\d+)$/.exec(name);
    return found === null ? [] : [Number(found[1])];
  });
}
