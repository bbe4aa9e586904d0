/**
 * The file of the demonstration's base model, beside this module.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Key } from "../../core/random.ts";
import type { Model } from "../../nn/models/model.ts";
import { attempt } from "../files/system.ts";
import { loadBase } from "./base.ts";

/** Where the weights lie; `make_base.ts` writes them. */
export const baseFile: URL = new URL("./base.safetensors", import.meta.url);

/**
 * Opens the base model with a new head; the open scope owns it.
 *
 * @throws {FileError} If the file cannot be read, or is malformed
 */
export async function openBase(device: Device, key: Key): Promise<Model> {
  const refusal = "Cannot open the demonstration's model as it requires a readable file";
  const name = "train/demo/base.safetensors";
  return await loadBase(device, key, await attempt(refusal, name, () => Deno.readFile(baseFile)));
}
