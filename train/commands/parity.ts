/**
 * `parity`: compares this implementation with reference values and prints a table.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { deviceChoice, deviceOptions, openDevice } from "../device/backend.ts";
import { defaultsOf, helpText, type OptionTable, parseFlags } from "../config/options.ts";
import { runParity } from "../parity/parity.ts";
import type { ParityRow } from "../parity/parity_rows.ts";

const options: OptionTable = {
  root: {
    kind: "text",
    help: "folder below which the models/… and data/… that a case names lie",
    default: "../shared",
  },
  dtype: {
    kind: "choice",
    choices: ["f32", "f64"],
    help: "precision; the tolerances follow it",
    default: "f32",
  },
  ...deviceOptions,
  json: { kind: "switch", help: "print every quantity as JSON", default: false },
  help: { kind: "switch", help: "show this", default: false },
};

const usage = `Usage: deno task parity PATH… [options]

Compares this implementation with reference values. Each PATH is a case folder (case.json with
expected.safetensors), tokenizers.json, metrics.json, or a folder that holds any of these.
An error is the largest absolute difference over the largest expected value. Exits 1 when one is
past its tolerance.`;

/**
 * Runs the command.
 *
 * @param args Command line after the name of the command
 * @returns Exit code: 1 where a quantity is past its tolerance
 * @throws {OptionError} If a flag is unknown or its value does not fit, or no path is given
 * @throws {FileError} If a path is no case, or a file that it names cannot be used
 */
export async function parityCommand(args: string[]): Promise<number> {
  const { values: given, words } = parseFlags(options, args);
  const values = { ...defaultsOf(options), ...given };
  if (values["help"] === true) {
    console.log(helpText(usage, options));
    return 0;
  }
  if (words.length === 0) {
    throw new OptionError("Cannot compare as at least 1 path is required: found none");
  }
  const float = values["dtype"] === "f64" ? "f64" : "f32";
  const { device } = await openDevice(deviceChoice(values, float));
  await using _device = device;
  const rows = await runParity(words, { root: String(values["root"]), device });
  console.log(values["json"] === true ? JSON.stringify(rows, null, 2) : parityTable(rows));
  return rows.some(({ ok }) => ok === false) ? 1 : 0;
}

/** A table with the worst quantity of each group, what differs beneath it, and the counts. */
export function parityTable(rows: readonly ParityRow[]): string {
  const groups = new Map<string, ParityRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.case, groupOf(row.quantity)]);
    groups.set(key, [...groups.get(key) ?? [], row]);
  }
  const lines = [["case", "quantity", "error", "tolerance", ""]];
  for (const group of groups.values()) {
    const worst = group.reduce((a, b) => excess(b) > excess(a) ? b : a);
    const name = group.length > 1 ? groupOf(worst.quantity) : worst.quantity;
    const verdict = worst.ok === "skipped" ? "skipped" : worst.ok ? "ok" : "FAIL";
    lines.push([worst.case, name, figure(worst.error), figure(worst.tolerance), verdict]);
  }
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length))
  );
  const table = lines.map((line) =>
    line.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  );
  const notes = rows.flatMap(({ case: name, quantity, note }) =>
    note === undefined ? [] : note.split("\n").map((line) => `${name}, ${quantity}: ${line}`)
  );
  const count = (ok: ParityRow["ok"]) => rows.filter((row) => row.ok === ok).length;
  const counts = `${rows.length} quantities, ${count(false)} failed, ${count("skipped")} skipped`;
  return [...table, "", ...notes, ...(notes.length > 0 ? [""] : []), counts].join("\n");
}

/** Quantities of which a case has many are shown as one. */
function groupOf(quantity: string): string {
  return quantity.replace(/^grad\..*/, "grad.*").replace(/^base\.hidden\.\d+$/, "base.hidden.*");
}

/** How far a row is past its tolerance: what failed comes before all else, what was skipped last. */
function excess({ ok, error = 0, tolerance = 0 }: ParityRow): number {
  if (ok === "skipped") return -1;
  if (!ok) return Number.isNaN(error) ? Infinity : 1 + error;
  return tolerance === 0 ? 0 : error / tolerance;
}

function figure(value: number | undefined): string {
  if (value === undefined) return "-";
  return value === 0 ? "0" : value.toExponential(1);
}
