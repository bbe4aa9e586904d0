/**
 * What a run says of its model before it trains.
 *
 * @module
 */

import { type Module, parameters } from "../../nn/layers/module.ts";
import { isHead } from "../../nn/models/heads.ts";
import type { LoadReport } from "../../nn/models/load.ts";

/** Says what became of a checkpoint's tensors: the number of each kind, and a few names. */
export function describeWeights(report: LoadReport, say: (line: string) => void): void {
  say(`weights: ${report.used.length} tensors used`);
  for (const kind of ["ignored", "unexpected", "initialised"] as const) {
    const names = report[kind];
    if (names.length > 0) say(`weights: ${names.length} ${kind}: ${shorten(names)}`);
  }
  const drawn = report.initialised.filter((path) => !isHead(path));
  if (drawn.length > 0) {
    say(
      `weights: the checkpoint has no ${drawn.join(" and no ")}, which pretraining gives: ` +
        "drawn from the seed, trained and saved with the head",
    );
  }
}

function shorten(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")}, …` : names.join(", ");
}

/** Numbers in a model's parameters. */
export interface ParameterCounts {
  /** Trained parameters, counted by element. */
  readonly trainable: number;
  /** All parameters, counted by element. */
  readonly parameters: number;
}

/** Counts the parameters, and says which are trained; those of all layers share a line. */
export function describeParameters(model: Module, say: (line: string) => void): ParameterCounts {
  const rows = [...parameters(model)];
  const total = rows.reduce((sum, [, { size }]) => sum + size, 0);
  const active = rows.filter(([, { trainable }]) => trainable);
  const groups = new Map<string, { count: number; size: number; shape: readonly number[] }>();
  for (const [path, { size, shape }] of active) {
    const group = path.replace(/\.\d+\./, ".*.");
    const { count, size: before } = groups.get(group) ?? { count: 0, size: 0 };
    groups.set(group, { count: count + 1, size: before + size, shape });
  }
  const trainable = active.reduce((sum, [, { size }]) => sum + size, 0);
  const share = (100 * trainable / total).toFixed(3);
  say(`trainable: ${trainable} of ${total} parameters (${share} %)`);
  for (const [group, { count, size, shape }] of groups) {
    say(`  ${group} ${count} x [${shape}] = ${size}`);
  }
  return { trainable, parameters: total };
}
