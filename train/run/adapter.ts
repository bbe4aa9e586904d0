/**
 * Adapters on disk: a folder that PEFT or this project wrote.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { FileError } from "../../core/errors.ts";
import { shortened } from "../../core/excerpt.ts";
import type { Key } from "../../core/random.ts";
import { encodeAdapter, fillAdapter } from "../../nn/formats/adapter.ts";
import { applyAdapterConfig } from "../../nn/formats/peft_apply.ts";
import { type AdapterConfig, parseAdapterConfig } from "../../nn/formats/peft_config.ts";
import { bytesAsWeights } from "../../nn/formats/tensor_bytes.ts";
import { type Module, parameters } from "../../nn/layers/module.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { initialize } from "../../nn/models/initialize.ts";
import type { Model } from "../../nn/models/model.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { exists, readJson, writeFileAtomic } from "../files/files.ts";

/**
 * Adapts a model to a configuration and fills it from a folder.
 *
 * @param say Called with a line where keys of the configuration are passed over
 * @throws {FileError} If the configuration asks for what is not supported, a tensor is missing,
 * misshapen or has no place, or a declared head is absent
 */
export async function loadAdapter(
  model: Model,
  directory: string,
  device: Device,
  say?: (line: string) => void,
): Promise<AdapterConfig> {
  const adapter = await readAdapterConfig(directory);
  if (adapter.unknown !== undefined) {
    const keys = shortened(adapter.unknown.join(", "), 200);
    say?.(
      `${directory}/adapter_config.json: keys that PEFT does not have are passed over: ${keys}`,
    );
  }
  const path = `${directory}/adapter_model.safetensors`;
  if (!await exists(path)) throw new FileError("Cannot find adapter_model.safetensors", directory);
  using file = await Checkpoint.open(path);
  const source = bytesAsWeights(file);
  applyAdapterConfig(model, adapter, source, `${directory}/adapter_config.json`);
  await fillAdapter(model, adapter, source, device);
  return adapter;
}

/** Configuration of an adapter that is made here, its targets by name. */
export type NewAdapter = AdapterConfig & { readonly targets: readonly string[] };

/**
 * Adapts a model anew: A is drawn by the key, B is zero.
 */
export function addAdapter(
  model: Model,
  adapter: NewAdapter,
  device: Device,
  key: Key,
): AdapterConfig {
  applyLora(model, { ...adapter, exclude: adapter.modulesToSave });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, key);
  }
  return adapter;
}

/**
 * Reads a folder's adapter_config.json.
 *
 * @throws {FileError} If it is missing, malformed or asks for what is not supported
 */
export async function readAdapterConfig(directory: string): Promise<AdapterConfig> {
  const path = `${directory}/adapter_config.json`;
  return parseAdapterConfig(await readJson(path), path);
}

/** Writes adapter_model.safetensors and adapter_config.json. */
export async function saveAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  loraDropout = 0,
): Promise<void> {
  const files = await encodeAdapter(model, adapter, loraDropout);
  for (const [name, content] of Object.entries(files)) {
    await writeFileAtomic(`${directory}/${name}`, content);
  }
}
