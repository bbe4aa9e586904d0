/**
 * Adapters in PEFT's format as bytes: a trained model's updates and head, written and read back.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { sameShape } from "../../core/shape.ts";
import type { Device } from "../../core/storage.ts";
import { tensor } from "../../core/tensor.ts";
import { adapted } from "../../nn/lora.ts";
import type { WeightSource } from "../../nn/model.ts";
import { type Module, type Parameter, parameters } from "../../nn/module.ts";
import { isHead } from "../../nn/trainable.ts";
import { type AdapterConfig, formatAdapterConfig, fuseParts, peftPrefix } from "./peft.ts";
import { encodeSafetensors, type TensorData } from "./safetensors.ts";

/** The files of an adapter, by their names. */
export interface AdapterFiles {
  /** Updates and head. */
  readonly "adapter_model.safetensors": Uint8Array<ArrayBuffer>;
  /** What PEFT needs to know to load them. */
  readonly "adapter_config.json": string;
}

/**
 * Fills updates and head of a model that was adapted to the same configuration.
 *
 * @throws {FileError} If a tensor is missing, misshapen or has no place, or a declared head is absent
 */
export async function fillAdapter(
  model: Module,
  adapter: AdapterConfig,
  source: WeightSource,
  device: Device,
): Promise<void> {
  const { path } = source;
  const places = new Map<string, Parameter>(parameters(model));
  const filled = new Set<string>();
  for (const name of source.names()) {
    const place = name.startsWith(peftPrefix) ? name.slice(peftPrefix.length) : name;
    const parameter = places.get(place);
    if (parameter === undefined) {
      throw new FileError(`Cannot place tensor ${name} as the model has no ${place}`, path);
    }
    const shape = source.shape(name);
    if (!sameShape(shape, parameter.shape)) {
      throw new FileError(
        `Cannot use tensor ${name} as shape [${parameter.shape}] is required: found [${shape}]`,
        path,
      );
    }
    parameter.value = tensor(device, await source.read(name, device.float), shape);
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

/**
 * Makes the files that `PeftModel.from_pretrained` reads.
 *
 * @param loraDropout Rate at which the input of the down-projections was dropped, for the record
 */
export async function encodeAdapter(
  model: Module,
  adapter: AdapterConfig,
  loraDropout = 0,
): Promise<AdapterFiles> {
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
    if (isHead(path) && !path.includes(".lora_")) {
      put(path, parameter.shape, await parameter.value.read());
    }
  }
  const fanInFanOut = layers.some(([, layer]) => layer.base.transposed);
  return {
    "adapter_model.safetensors": encodeSafetensors(tensors, { format: "pt" }),
    "adapter_config.json": formatAdapterConfig(adapter, { loraDropout, fanInFanOut }),
  };
}
