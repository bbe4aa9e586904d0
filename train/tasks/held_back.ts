/**
 * The part of the training examples that `--dev-fraction` evaluates.
 *
 * @module
 */

import { runKeys, type TrainConfig } from "../config/config.ts";
import { type HeldBack, holdBack, type Holding } from "../data/hold_back.ts";
import type { TaskParts } from "./task.ts";

/** Whether what is evaluated is a part of the training examples. */
export function holdsBack({ devFraction }: TrainConfig, { split }: TaskParts): boolean {
  return devFraction !== undefined && split === "dev";
}

/**
 * What a run trains on and what it evaluates, drawn by the seed of its order.
 *
 * @throws {OptionError} If nothing can be held back
 */
export function heldBack(
  { length }: readonly unknown[],
  config: TrainConfig,
  rule: Pick<Holding, "groupOf" | "stratumOf">,
): HeldBack & { readonly note: string } {
  const { devFraction: fraction = 0 } = config;
  const parts = holdBack(length, { ...rule, fraction, key: runKeys(config).order });
  const note = `${parts.held.length} of ${length} training examples are held back to evaluate, ` +
    "and no dev file is read";
  return { ...parts, note };
}
