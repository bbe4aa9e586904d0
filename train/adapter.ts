/**
 * Adapters on disk: saving a trained model's updates and head as PEFT does, and loading them.
 *
 * @module
 */

import { FileError } from "../core/errors.ts";
import type { Device } from "../core/storage.ts";
import { tensor } from "../core/tensor.ts";
import type { ModelConfig } from "../nn/config.ts";
import { adapt, adapted } from "../nn/lora.ts";
import { type Module, type Parameter, parameters } from "../nn/module.ts";
import { exists, readJson, writeFileAtomic } from "./files.ts";
import { Checkpoint } from "./formats/checkpoint.ts";
import {
  type AdapterConfig,
  formatAdapterConfig,
  fuseParts,
  parseAdapterConfig,
  peftPrefix,
} from "./formats/peft.ts";
import { encodeSafetensors, type TensorData } from "./formats/safetensors.ts";

/** Paths of the classification head, which is trained and saved whole. */
const head = /^(classifier|score)\./;

/** Marks the head of a classifier as trainable. */
export function trainHead(model: Module): void {
  for (const [path, parameter] of parameters(model)) {
    if (head.test(path)) parameter.trainable = true;
  }
}

/** Adapts a model to a configuration and fills it from a folder that PEFT or this project wrote. */
export async function loadAdapter(
  model: Module,
  config: ModelConfig,
  directory: string,
  device: Device,
): Promise<AdapterConfig> {
  const adapter = await readAdapterConfig(directory);
  adapt(model, config.layers, adapter.lora);
  await fillAdapter(model, adapter, directory, device);
  return adapter;
}

/** Reads a folder's adapter_config.json. */
export async function readAdapterConfig(directory: string): Promise<AdapterConfig> {
  const path = `${directory}/adapter_config.json`;
  return parseAdapterConfig(await readJson(path), path);
}

/**
 * Fills updates and head from a folder.
 *
 * @throws {FileError} If a tensor is missing, misshapen or has no place, or a declared head is absent
 */
export async function fillAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  device: Device,
): Promise<void> {
  const path = `${directory}/adapter_model.safetensors`;
  if (!await exists(path)) throw new FileError("Cannot find adapter_model.safetensors", directory);
  using file = await Checkpoint.open(path);
  const places = new Map<string, Parameter>(parameters(model));
  const filled = new Set<string>();
  for (const name of file.names()) {
    const place = name.startsWith(peftPrefix) ? name.slice(peftPrefix.length) : name;
    const parameter = places.get(place);
    if (parameter === undefined) {
      throw new FileError(`Cannot place tensor ${name} as the model has no ${place}`, path);
    }
    const { shape } = file.entry(name);
    if (shape.length !== parameter.shape.length || shape.some((s, i) => s !== parameter.shape[i])) {
      throw new FileError(
        `Cannot use tensor ${name} as shape [${parameter.shape}] is required: found [${shape}]`,
        path,
      );
    }
    parameter.value = tensor(device, await file.readFloat(name, device.float), shape);
    parameter.trainable = true;
    filled.add(place);
  }
  for (const [place] of places) {
    const declared = place.includes(".lora_A.") || place.includes(".lora_B.") ||
      adapter.modulesToSave.some((name) => place.startsWith(`${name}.`));
    if (declared && !filled.has(place)) {
      throw new FileError(`Cannot find tensor ${peftPrefix}${place}, which is declared`, path);
    }
  }
}

/** Writes adapter_config.json and adapter_model.safetensors. */
export async function saveAdapter(
  model: Module,
  adapter: AdapterConfig,
  directory: string,
  loraDropout = 0,
): Promise<void> {
  const tensors: TensorData[] = [];
  const put = (name: string, shape: readonly number[], values: ArrayLike<number>) => {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    tensors.push({ name: `${peftPrefix}${name}`, dtype: "F32", shape, bytes });
  };
  const layers = adapted(model);
  for (const [path, { parts, rank, inputs, outputs }] of layers) {
    const host = await Promise.all(parts.map(async ({ start, size, down, up }) => ({
      start,
      size,
      down: await down.value.read(),
      up: await up.value.read(),
    })));
    const whole = parts.length === 1 && parts[0]!.size === outputs;
    const total = rank * parts.length;
    const { down, up } = whole ? host[0]! : fuseParts(host, rank, inputs, outputs);
    put(`${path}.lora_A.weight`, [total, inputs], down);
    put(`${path}.lora_B.weight`, [outputs, total], up);
  }
  for (const [path, parameter] of parameters(model)) {
    if (head.test(path) && !path.includes(".lora_")) {
      put(path, parameter.shape, await parameter.value.read());
    }
  }
  const fanInFanOut = layers.some(([, layer]) => layer.base.transposed);
  const weights = encodeSafetensors(tensors, { format: "pt" });
  await writeFileAtomic(`${directory}/adapter_model.safetensors`, weights);
  await writeFileAtomic(
    `${directory}/adapter_config.json`,
    formatAdapterConfig(adapter, { loraDropout, fanInFanOut }),
  );
}
