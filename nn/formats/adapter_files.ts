/**
 * Making the files of an adapter, and filling a model from them.
 *
 * @module
 */

import { isHead } from "../models/heads.ts";
import { FileError } from "../../core/errors.ts";
import type { Device } from "../../core/device.ts";
import { type Module, type Parameter, parameters } from "../layers/module.ts";
import { fillParameter } from "../models/fill_parameter.ts";
import { requireShape, type WeightSource } from "../models/weight_source.ts";
import { loraLayers } from "../lora/lora.ts";
import type { AdapterConfig } from "./peft_config.ts";
import { formatAdapterConfig } from "./peft_format.ts";
import { fusedConfig, fuseParts, isWhole } from "./peft_fused_qkv.ts";
import { adapterTensorName, declaredBy, isUpdate, peftPrefix, placeOf } from "./peft_tensors.ts";
import { encodeSafetensors, type TensorData } from "./safetensors_write.ts";

/** The files of an adapter, by their names. */
export interface AdapterFiles {
  /** Tensors of the updates, of the head and of what else was trained. */
  readonly "adapter_model.safetensors": Uint8Array<ArrayBuffer>;
  /** What PEFT needs to know to load them. */
  readonly "adapter_config.json": string;
}

/** What `encodeAdapter` gives. */
export async function encodeFiles(
  model: Module,
  adapter: AdapterConfig,
  loraDropout: number,
): Promise<AdapterFiles> {
  const tensors: TensorData[] = [];
  const put = (name: string, shape: readonly number[], values: ArrayLike<number>) => {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    tensors.push({ name, dtype: "F32", shape, bytes });
  };
  const layers = loraLayers(model);
  for (const [path, layer] of layers) {
    const { parts, rank, inputs, outputs } = layer;
    const host = await Promise.all(parts.map(async ({ start, size, down, up }) => ({
      start,
      size,
      down: await down.value.read(),
      up: await up.value.read(),
    })));
    const total = rank * parts.length;
    const { down, up } = isWhole(layer) ? host[0]! : fuseParts(host, rank, inputs, outputs);
    put(`${peftPrefix}${path}.lora_A.weight`, [total, inputs], down);
    put(`${peftPrefix}${path}.lora_B.weight`, [outputs, total], up);
  }
  const paths = new Set(layers.map(([path]) => path));
  const isDeclared = declaredBy(adapter, paths);
  for (const [path, parameter] of parameters(model)) {
    if (isUpdate(path) || !isHead(path) && !isDeclared(path)) continue;
    put(adapterTensorName(path, paths), parameter.shape, await parameter.value.read());
  }
  const fanInFanOut = layers.some(([, layer]) => layer.base.transposed);
  const config = fusedConfig(adapter, layers);
  return {
    "adapter_model.safetensors": encodeSafetensors(tensors, { format: "pt" }),
    "adapter_config.json": formatAdapterConfig(config, { loraDropout, fanInFanOut }),
  };
}

/**
 * Fills what the adapter holds, and makes trainable what it declares.
 *
 * @throws {FileError} If a tensor is missing, misshapen or has no place
 */
export async function fillFrom(
  model: Module,
  adapter: AdapterConfig,
  source: WeightSource,
  device: Device,
): Promise<void> {
  const { path } = source;
  const isDeclared = declaredBy(adapter, new Set(loraLayers(model).map(([layer]) => layer)));
  const places = new Map<string, Parameter>(parameters(model));
  const filled = new Set<string>();
  for (const name of source.names()) {
    if (!name.startsWith(peftPrefix)) {
      throw new FileError(
        `Cannot place tensor ${name} as a name in ${peftPrefix} is required`,
        path,
      );
    }
    const place = placeOf(name);
    if (place === undefined) continue;
    const parameter = places.get(place);
    if (parameter === undefined) {
      throw new FileError(`Cannot place tensor ${name} as the model has no ${place}`, path);
    }
    if (filled.has(place)) {
      throw new FileError(`Cannot place tensor ${name} as another one is for ${place}`, path);
    }
    requireShape(source, name, parameter);
    await fillParameter(parameter, source, name, { device });
    parameter.trainable ||= isDeclared(place);
    filled.add(place);
  }
  for (const [place] of places) {
    if (isDeclared(place) && !filled.has(place)) {
      throw new FileError(
        `Cannot find tensor ${peftPrefix}${place}, which the adapter declares`,
        path,
      );
    }
  }
}
