/**
 * Rotary positions of a model's layers: the tables that a model holds, and the rows of a batch that it
 * gives all its layers.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import {
  type Rotary,
  rotaryRows,
  type RotaryTables,
  rotaryTables,
  tablesReaching,
} from "../../core/ops/rotary.ts";
import { OptionError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Batch } from "../layers/batch.ts";

/** Positions whose angles are computed before any text comes: models may have a million of them. */
const firstPositions = 1024;

/** What the tables are computed from. */
export interface RotaryConfig {
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Kinds of rotary positions, of which each has a table. */
  readonly rotaries: readonly Rotary[];
}

/** Tables of the first positions, by kind; the open scope owns them. */
export function firstTables(
  device: Device,
  { maxPositions, rotaries }: RotaryConfig,
): readonly RotaryTables[] {
  const rows = Math.min(firstPositions, maxPositions);
  return rotaries.map((rotary) => rotaryTables(device, rows, rotary));
}

/** The tables where they reach the positions of a batch; else a list with larger ones, as `tablesReaching`. */
export function reachingTables(
  all: readonly RotaryTables[],
  { maxPositions, rotaries }: RotaryConfig,
  positions: Tensor,
): readonly RotaryTables[] {
  const larger = all.map((tables, i) =>
    tablesReaching(tables, rotaries[i]!, positions, maxPositions)
  );
  return larger.some((tables, i) => tables !== all[i]) ? larger : all;
}

/**
 * The tables that turn a batch: all of them, for layers to choose, or that one which its width asks for,
 * padding included, as in transformers.
 *
 * @param longestShort Tokens beyond which the second table turns all of a batch
 * @throws {OptionError} If examples share longer rows: how long each is decides nothing then
 */
export function tablesTurning(
  all: readonly RotaryTables[],
  { width, offsets }: Batch,
  longestShort: number | undefined,
): readonly RotaryTables[] {
  if (longestShort === undefined) return all;
  const isLong = width > longestShort;
  if (isLong && offsets !== undefined) {
    throw new OptionError(
      `Cannot run packed examples as rows of at most ${longestShort} tokens are required by these ` +
        `rotary positions: found ${width}`,
    );
  }
  return [all[isLong ? 1 : 0]!];
}

/** Rows of a batch's positions: cosines and sines in turn, by kind. */
export function sharedRows(all: readonly RotaryTables[], positions: Tensor): readonly Tensor[] {
  return all.flatMap((tables) => {
    const { cosine, sine } = rotaryRows(tables, positions);
    return [cosine, sine];
  });
}

/** What {@linkcode sharedRows} gave, by kind. */
export function rowsByKind(shared: readonly Tensor[]): readonly RotaryTables[] {
  return Array.from(
    { length: shared.length / 2 },
    (_, i) => ({ cosine: shared[2 * i]!, sine: shared[2 * i + 1]! }),
  );
}
