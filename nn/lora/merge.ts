/**
 * Updates as part of the base weights of a whole model, and out of them again.
 *
 * @module
 */

import type { Module } from "../layers/module.ts";
import { loraLayers } from "./lora.ts";

/**
 * Puts every update into its base weight: inference then costs what the base model costs.
 *
 * @throws {OptionError} If one is there already
 */
export function mergeLora(model: Module): void {
  for (const [, layer] of loraLayers(model)) layer.merge();
}

/** Takes every update out of the base weights again, bit for bit. */
export function unmergeLora(model: Module): void {
  for (const [, layer] of loraLayers(model)) layer.unmerge();
}
