/**
 * Adapters in PEFT's format as bytes: a trained model's updates and head, written and read back.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Module } from "../layers/module.ts";
import type { WeightSource } from "../models/weight_source.ts";
import type { AdapterFiles } from "./adapter_files.ts";
import type { AdapterConfig } from "./peft_config.ts";

/**
 * Fills what an adapter holds in a model that was adapted to the same configuration; what it declares
 * is then trainable. What does the work is loaded then.
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
  const { fillFrom } = await import("./adapter_files.ts");
  await fillFrom(model, adapter, source, device);
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
  const { encodeFiles } = await import("./adapter_files.ts");
  return await encodeFiles(model, adapter, loraDropout);
}
