/**
 * Adapters in PEFT's format as bytes: a trained model's updates and head, written and read back.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { Device } from "../../core/device.ts";
import { loraLayers } from "../lora/lora.ts";
import { fillParameter, requireShape, type WeightSource } from "../models/load.ts";
import { type Module, type Parameter, parameters } from "../layers/module.ts";
import type { AdapterFiles } from "./encode_adapter.ts";
import type { AdapterConfig } from "./peft_config.ts";
import { declaredBy, peftPrefix, placeOf } from "./peft_tensors.ts";

/**
 * Fills what an adapter holds in a model that was adapted to the same configuration; what it declares
 * is then trainable.
 *
 * @throws {FileError} If a tensor is missing, misshapen, has no place or another prefix than PEFT's, or
 * a declared head is absent
 */
export async function fillAdapter(
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
    await fillParameter(parameter, source, name, device);
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

/**
 * Makes the files that `PeftModel.from_pretrained` reads; what does the work is loaded then.
 *
 * @param loraDropout Rate at which the input of the down-projections was dropped, for the record
 */
export async function encodeAdapter(
  model: Module,
  adapter: AdapterConfig,
  loraDropout = 0,
): Promise<AdapterFiles> {
  const { encodeFiles } = await import("./encode_adapter.ts");
  return await encodeFiles(model, adapter, loraDropout);
}
