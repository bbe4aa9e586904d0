/**
 * The part of the training examples that `--dev-fraction` evaluates, and the half of the development
 * examples that `--dev-part` does.
 *
 * @module
 */

import { foldKey, seedKey } from "../../core/random.ts";
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

/** The halves are the same for all runs. */
const halves = foldKey(seedKey(0), "dev part");

/** Which of the examples of a split are evaluated, and what is to be said of it. */
export interface Evaluated {
  /** Their positions, in their order. */
  readonly positions: readonly number[];
  /** A line, or none. */
  readonly notes: readonly string[];
}

/**
 * The examples of a split that a run evaluates: all, or one of two halves of the development examples
 * with the same share of each stratum.
 *
 * @throws {OptionError} If there are no two halves
 */
export function evaluatedOf(
  { length }: readonly unknown[],
  config: TrainConfig,
  { split }: TaskParts,
  rule: Pick<Holding, "groupOf" | "stratumOf">,
): Evaluated {
  const { devPart } = config;
  if (devPart === "all" || split !== "dev") {
    return { positions: Array.from({ length }, (_, position) => position), notes: [] };
  }
  const words = { option: `--dev-part ${devPart}`, examples: "development" };
  const { kept, held } = holdBack(length, { ...rule, fraction: 0.5, key: halves, words });
  const positions = devPart === "select" ? held : kept;
  const note = `${positions.length} of ${length} development examples are evaluated: --dev-part ` +
    devPart;
  return { positions, notes: [note] };
}
