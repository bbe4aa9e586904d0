/**
 * From a checkpoint to the numbers of a model.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Key } from "../../core/random.ts";
import type { LoadOptions, LoadReport } from "./fill_model.ts";
import type { Model } from "./model.ts";
import type { WeightSource } from "./weight_source.ts";

/**
 * Fills a model's parameters; those with an initializer may be missing. The scope that is open owns
 * the tensors. What does the work is loaded then.
 *
 * @param key Key of what is initialised
 * @throws {FileError} If a tensor is missing, is there under two names, has another shape or holds a
 * number that is not finite
 */
export async function loadModel(
  model: Model,
  source: WeightSource,
  device: Device,
  key: Key,
  options: LoadOptions = {},
): Promise<LoadReport> {
  const { fillModel } = await import("./fill_model.ts");
  return await fillModel(model, source, device, key, options);
}
