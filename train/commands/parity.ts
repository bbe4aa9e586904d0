/**
 * `parity`: compares this implementation with reference values and prints a table.
 *
 * @module
 */

import { openDevice } from "../device/backend.ts";
import { deviceOptions } from "../config/device_options.ts";
import { runParity } from "../parity/parity.ts";
import type { ParityRow } from "../parity/parity_rows.ts";
import { type Command, command } from "./command.ts";

/** Compares with reference values; exits 1 where a quantity is past its tolerance. */
export const parityCommand: Command = command({
  summary: "Compare this implementation with reference values",
  usage: `  deno task parity PATH…

Each PATH is a case folder (case.json with expected.safetensors), tokenizers.json, metrics.json, or
a folder that holds any of these. An error is the largest absolute difference over the largest
expected value. Exits 1 when one is past its tolerance.`,
  verb: "compare",
  options: {
    paths: {
      kind: "list",
      help: "what to compare; also as words",
      positional: true,
      required: true,
    },
    root: {
      kind: "text",
      help: "folder below which the models/… and data/… that a case names lie",
      default: "../shared",
    },
    json: { kind: "switch", help: "print every quantity as JSON" },
    dtype: {
      group: "device",
      kind: "choice",
      choices: ["f32", "f64"],
      help: "precision; the tolerances follow it",
      default: "f32",
    },
    ...deviceOptions,
  },
  async run({ paths, root, json, ...choice }) {
    const { device } = await openDevice(choice);
    await using _device = device;
    const rows = await runParity(paths, { root, device });
    console.log(json ? JSON.stringify(rows, null, 2) : parityTable(rows));
    return rows.some(({ ok }) => ok === false) ? 1 : 0;
  },
});

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
