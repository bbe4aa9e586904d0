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
import type { Tensor } from "../../core/tensor.ts";

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
