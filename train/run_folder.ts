/**
 * The folder of a run: adapter in PEFT's format, settings, metrics and checkpoints.
 *
 *     adapter_config.json  adapter_model.safetensors  hiddenkey_config.json
 *     run.json  metrics.jsonl  checkpoint-N/
 *
 * @module
 */

import { FileError } from "../core/errors.ts";
import type { Module } from "../nn/module.ts";
import type { Trainable } from "../nn/trainable.ts";
import { saveAdapter } from "./adapter.ts";
import { exists, readJson, readText, writeFileAtomic } from "./files.ts";
import { Checkpoint } from "./formats/checkpoint.ts";
import type { AdapterConfig } from "./formats/peft.ts";
import { encodeSafetensors } from "./formats/safetensors.ts";

/** Formats JSON for people. */
function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Writes an adapter with the settings PEFT has no place for. */
export async function saveRunAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  settings: unknown,
  loraDropout: number,
): Promise<void> {
  await saveAdapter(model, adapter, directory, loraDropout);
  await writeFileAtomic(`${directory}/hiddenkey_config.json`, pretty(settings));
}

/** Writes run.json. */
export async function saveRun(directory: string, run: unknown): Promise<void> {
  await writeFileAtomic(`${directory}/run.json`, pretty(run));
}

/**
 * Reads run.json.
 *
 * @throws {FileError} If it is missing or not of this project
 */
export async function readRun(directory: string): Promise<{ config: Record<string, unknown> }> {
  const path = `${directory}/run.json`;
  const run = await readJson(path);
  const config = typeof run === "object" && run !== null
    ? (run as Record<string, unknown>)["config"]
    : undefined;
  if (typeof config !== "object" || config === null) {
    throw new FileError("Cannot read the run as key config is required: found none", path);
  }
  return { config: config as Record<string, unknown> };
}

/** Appends one line to metrics.jsonl. */
export async function appendMetrics(directory: string, record: unknown): Promise<void> {
  await Deno.writeTextFile(`${directory}/metrics.jsonl`, `${JSON.stringify(record)}\n`, {
    append: true,
  });
}

/** Takes lines after a step out of metrics.jsonl: a resumed run writes them again. */
export async function rewindMetrics(directory: string, step: number): Promise<void> {
  const path = `${directory}/metrics.jsonl`;
  if (!await exists(path)) return;
  const lines = (await readText(path)).split("\n").filter((line) => {
    return line !== "" && (JSON.parse(line) as { step: number }).step <= step;
  });
  await writeFileAtomic(path, lines.map((line) => `${line}\n`).join(""));
}

/** Writes checkpoint-N whole: a folder beside it is filled, then renamed. */
export async function saveCheckpoint(
  directory: string,
  trainable: Trainable,
  saveFiles: (folder: string) => Promise<void>,
  state: { readonly global_step: number; readonly epoch: number; readonly max_steps: number },
): Promise<string> {
  const target = `${directory}/checkpoint-${state.global_step}`;
  const partial = `${directory}/.checkpoint-${state.global_step}.partial`;
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
    const metadata = { names: JSON.stringify(trainable.names) };
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

/**
 * Restores parameters, moments and the step.
 *
 * @throws {FileError} If the checkpoint belongs to other parameters
 */
export async function restoreCheckpoint(checkpoint: string, trainable: Trainable): Promise<void> {
  const statePath = `${checkpoint}/trainer_state.json`;
  const state = await readJson(statePath) as { global_step?: unknown };
  if (!Number.isSafeInteger(state.global_step)) {
    throw new FileError("Cannot resume as key global_step must be an integer", statePath);
  }
  using file = await Checkpoint.open(`${checkpoint}/optimizer.safetensors`);
  const names = file.metadata.get("names");
  if (names !== JSON.stringify(trainable.names)) {
    throw new FileError(
      `Cannot resume as the checkpoint must hold ${trainable.names.length} parameters of this ` +
        "model and these targets: found others",
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
  trainable.steps = state.global_step as number;
}

/**
 * The checkpoint a path means: a checkpoint folder itself, or the last one of a run.
 *
 * @throws {FileError} If there is none
 */
export async function findCheckpoint(path: string): Promise<{ run: string; checkpoint: string }> {
  const clean = path.replace(/\/+$/, "");
  if (await exists(`${clean}/trainer_state.json`)) {
    return { run: clean.replace(/\/?[^/]+$/, "") || ".", checkpoint: clean };
  }
  const steps: number[] = [];
  try {
    for await (const { name } of Deno.readDir(clean)) {
      const found = /^checkpoint-(\d+)$/.exec(name);
      if (found !== null) steps.push(Number(found[1]));
    }
  } catch {
    throw new FileError("Cannot resume as a folder with checkpoints is required", clean);
  }
  if (steps.length === 0) {
    throw new FileError("Cannot resume as a checkpoint-N folder is required: found none", clean);
  }
  return { run: clean, checkpoint: `${clean}/checkpoint-${Math.max(...steps)}` };
}
