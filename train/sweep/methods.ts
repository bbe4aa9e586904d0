/**
 * Methods of sweeps by name: the paper's, with each structure, HiddenKey⁻ with what is added to it in
 * table 1, and the regularisers that have presets.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { methods } from "../../nn/dropout/methods.ts";
import type { GivenConfig } from "../config/config.ts";
import { nearest } from "../config/nearest.ts";
import { regularisers } from "../config/regularisers.ts";

/** A method of a sweep. */
export interface SweepMethod {
  /** Name, as tables show it. */
  readonly name: string;
  /** Its settings, which hold against those of the task and of all runs. */
  readonly settings: GivenConfig;
}

/** Methods of one position, each of which has every structure. */
export const structured = ["hiddencut", "dropkey", "dropattention"] as const;
/** Structures of table 1, in its order. */
export const tableStructures = ["element", "column", "span"] as const;

const rows: readonly (readonly [word: string, SweepMethod])[] = [
  ...methods.map((method) => [method, { name: method, settings: { method } }] as const),
  ...structured.flatMap((method) =>
    tableStructures.map((structure) =>
      [`${method}-${structure}`, {
        name: `${method} (${structure})`,
        settings: { method, structure },
      }] as const
    )
  ),
  ["hiddenkey-+js", {
    name: "hiddenkey- + js",
    settings: { method: "hiddenkey-", compensation: "js" },
  }],
  ["hiddenkey-+input", {
    name: "hiddenkey- + input cutoff",
    settings: { method: "hiddenkey-", site: [{ position: "input", structure: "span" }] },
  }],
  ["hiddenkey-+output", {
    name: "hiddenkey- + output dropout",
    settings: { method: "hiddenkey-", site: [{ position: "output", structure: "element" }] },
  }],
  ...Object.entries(regularisers).map(([name, { settings }]) =>
    [name, { name, settings: { method: "lora", ...settings } }] as const
  ),
];

/** Methods by the word that names them on the command line. */
export const sweepMethods: ReadonlyMap<string, SweepMethod> = new Map(rows);

/**
 * The method that a word names: the word of a command line, or the name in tables.
 *
 * @throws {OptionError} If it names none
 */
export function sweepMethod(word: string): SweepMethod {
  const found = sweepMethods.get(word) ?? rows.find(([, { name }]) => name === word)?.[1];
  if (found !== undefined) return found;
  const known = [...sweepMethods.keys()];
  throw new OptionError(
    `Cannot find method ${word} as one of ${known.join(", ")} is required: the nearest one is ` +
      nearest(word, known),
  );
}
