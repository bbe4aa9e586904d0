/**
 * Settings whose defaults depend on what runs the programs.
 *
 * @module
 */

import type { Backend } from "../../core/backend.ts";
import type { TrainConfig } from "../config/config.ts";

/** What batches are filled up to on a card: few shapes, whose steps come again as graphs. */
const cardMultiple = 16;

/** Completes a configuration for a device. No result depends on it but for rounding. */
export function withDeviceDefaults(
  config: TrainConfig,
  { name }: Pick<Backend, "name">,
): TrainConfig {
  return { ...config, padMultiple: config.padMultiple ?? (name === "cuda" ? cardMultiple : 1) };
}
