/**
 * The folder of a run: adapter in PEFT's format, settings, metrics and checkpoints.
 *
 *     adapter_config.json  adapter_model.safetensors  hiddenkey_config.json  README.md
 *     run.json  metrics.jsonl  checkpoint-N/
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import type { Module } from "../../nn/layers/module.ts";
import type { Trainable } from "../../nn/optim/adamw.ts";
import { saveAdapter } from "./adapter.ts";
import { exists, readJson, readText, writeFileAtomic } from "../files/files.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import { encodeSafetensors } from "../../nn/formats/safetensors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";

/** JSON with indentation and a line end, as people read it. */
function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Writes an adapter with the settings PEFT has no place for, and its model card. */
export async function saveRunAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  beside: { readonly settings: unknown; readonly loraDropout: number; readonly card: string },
): Promise<void> {
  await saveAdapter(model, adapter, directory, beside.loraDropout);
  await writeFileAtomic(`${directory}/hiddenkey_config.json`, pretty(beside.settings));
  await writeFileAtomic(`${directory}/README.md`, beside.card);
}

/** Writes run.json: options, classes and facts of a run, and its result once there is one. */
export async function saveRun(directory: string, run: unknown): Promise<void> {
  await writeFileAtomic(`${directory}/run.json`, pretty(run));
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
  const run = await readJson(path);
  const { config, classes } = isRecord(run) ? run : {};
  if (!isRecord(config)) {
    throw new FileError("Cannot read the run as key config is required: found none", path);
  }
  const words = Array.isArray(classes) ? classes.map(String) : undefined;
  return { config, classes: words };
}

/** Appends one line to metrics.jsonl. */
export async function appendMetrics(directory: string, record: unknown): Promise<void> {
  await Deno.writeTextFile(`${directory}/metrics.jsonl`, `${JSON.stringify(record)}\n`, {
    append: true,
  });
}

/**
 * Takes a run back to a step: what it did later goes from metrics.jsonl, and later checkpoints go.
 *
 * @throws {FileError} If a line of metrics.jsonl, apart from a torn last one, has no step
 */
export async function rewindRun(directory: string, step: number): Promise<void> {
  const path = `${directory}/metrics.jsonl`;
  const lines = await exists(path) ? (await readText(path)).split("\n") : [];
  // What follows the last line break is empty, or torn by a crash.
  const kept = lines.slice(0, -1).filter((line, i) => stepOf(line, path, i + 1) <= step);
  for (const later of await checkpointSteps(directory)) {
    if (later <= step) continue;
    // Renamed first: a folder that is only half removed must not be resumed.
    const doomed = partialOf(directory, later);
    await Deno.remove(doomed, { recursive: true }).catch(() => {});
    await Deno.rename(`${directory}/checkpoint-${later}`, doomed);
    await Deno.remove(doomed, { recursive: true });
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

/** Where checkpoint-N is filled before it gets its name. */
function partialOf(directory: string, step: number): string {
  return `${directory}/.checkpoint-${step}.partial`;
}

/** Writes checkpoint-N whole: a folder beside it is filled, then renamed. */
export async function saveCheckpoint(
  directory: string,
  trainable: Trainable,
  saveFiles: (folder: string) => Promise<void>,
  state: { readonly global_step: number; readonly epoch: number; readonly max_steps: number },
): Promise<string> {
  const target = `${directory}/checkpoint-${state.global_step}`;
  const partial = partialOf(directory, state.global_step);
  await Deno.remove(partial, { recursive: true }).catch(() => {});
  await Deno.mkdir(partial, { recursive: true });
  try {
    await saveFiles(partial);
    const { flat, first, second } = trainable;
    const dtype = flat.dtype === "f64" ? "F64" : "F32";
    const tensors = await Promise.all(
      Object.entries({ parameters: flat, first, second }).map(async ([name, t]) => {
        const { buffer, byteLength } = await t.read();
        const bytes = new Uint8Array(buffer as ArrayBuffer, 0, byteLength);
        return { name, dtype, shape: t.shape, bytes } as const;
      }),
    );
    const metadata = layoutOf(trainable);
    await writeFileAtomic(`${partial}/optimizer.safetensors`, encodeSafetensors(tensors, metadata));
    await writeFileAtomic(`${partial}/trainer_state.json`, pretty(state));
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
 * Restores parameters, moments and the step.
 *
 * @throws {FileError} If the checkpoint belongs to other parameters or is damaged
 */
export async function restoreCheckpoint(checkpoint: string, trainable: Trainable): Promise<void> {
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
  const { names, shapes } = layoutOf(trainable);
  const { shape } = trainable.flat;
  const fits = file.metadata.get("names") === names && file.metadata.get("shapes") === shapes &&
    ["parameters", "first", "second"].every((name) => {
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
  trainable.restore({
    flat: await read("parameters"),
    first: await read("first"),
    second: await read("second"),
  });
  trainable.steps = step;
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

async function checkpointSteps(directory: string): Promise<number[]> {
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
