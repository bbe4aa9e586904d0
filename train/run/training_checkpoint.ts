/**
 * Checkpoints of a run, from which training goes on to the bit:
 *
 *     checkpoint-N/  the files of an adapter  optimizer.safetensors  trainer_state.json
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { encodeSafetensors } from "../../nn/formats/safetensors_write.ts";
import { checkpointTensors, type Optimiser, restoreOptimiser } from "../../nn/optim/optimiser.ts";
import type { Trainable } from "../../nn/optim/trainable.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { exists, readJson, writeFileAtomic, writeJson } from "../files/files.ts";

/** Where checkpoint-N is filled before it gets its name. */
export function partialOf(directory: string, step: number): string {
  return `${directory}/.checkpoint-${step}.partial`;
}

/** Writes checkpoint-N whole: a folder beside it is filled, then renamed. */
export async function saveCheckpoint(
  directory: string,
  optimiser: Optimiser,
  saveFiles: (folder: string) => Promise<void>,
  state: { readonly global_step: number; readonly epoch: number; readonly max_steps: number },
): Promise<string> {
  const target = `${directory}/checkpoint-${state.global_step}`;
  const partial = partialOf(directory, state.global_step);
  await Deno.remove(partial, { recursive: true }).catch(() => {});
  await Deno.mkdir(partial, { recursive: true });
  try {
    await saveFiles(partial);
    const dtype = optimiser.trainable.flat.dtype === "f64" ? "F64" : "F32";
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
    await Deno.remove(target, { recursive: true }).catch(() => {});
    await Deno.rename(partial, target);
  } catch (error) {
    await Deno.remove(partial, { recursive: true }).catch(() => {});
    throw error;
  }
  return target;
}

/** What a checkpoint's numbers belong to, as its file says it. */
function layoutOf({ names, parameters }: Trainable): { names: string; shapes: string } {
  return {
    names: JSON.stringify(names),
    shapes: JSON.stringify(parameters.map(({ shape }) => shape)),
  };
}

/**
 * Restores parameters, the optimiser's state and the step.
 *
 * @throws {FileError} If the checkpoint belongs to other parameters or is damaged
 */
export async function restoreCheckpoint(checkpoint: string, optimiser: Optimiser): Promise<void> {
  const statePath = `${checkpoint}/trainer_state.json`;
  const state = await readJson(statePath);
  const step = isRecord(state) ? state["global_step"] : undefined;
  if (typeof step !== "number" || !Number.isSafeInteger(step) || step < 0) {
    throw new FileError(
      `Cannot resume as an integer is required in key global_step: found ${
        JSON.stringify(step) ?? "none"
      }`,
      statePath,
    );
  }
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
  const read = (name: string): Promise<Float32Array | Float64Array> =>
    precision === "f64" ? file.readFloat(name, "f64") : file.readFloat(name, "f32");
  const numbers: Record<string, Float32Array | Float64Array> = {};
  for (const name of required) numbers[name] = await read(name);
  restoreOptimiser(optimiser, numbers, step);
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
  const steps: number[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      const found = /^checkpoint-(\d+)$/.exec(name);
      if (found !== null) steps.push(Number(found[1]));
    }
  } catch {
    throw new FileError("Cannot resume as a folder with checkpoints is required", directory);
  }
  return steps;
}
