/**
 * Parity: checks this implementation against reference values, whatever kind a path holds.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { Device } from "../../core/device.ts";
import { exists, isFolder, readJson } from "../files/files.ts";
import { namesIn } from "../files/folder.ts";
import { compareMetrics } from "./parity_metrics.ts";
import { compareModel } from "./parity_model.ts";
import { comparePipeline } from "./parity_pipeline.ts";
import type { ParityRow } from "./parity_rows.ts";
import { compareTokenizers, type TokenizerDifference } from "./parity_tokenizers.ts";
import { isRecord } from "../../nn/formats/json_record.ts";

/** Options of {@linkcode runParity}. */
export interface ParityOptions {
  /** Folder below which the models and data that a case names lie. */
  readonly root: string;
  /** Where to compute, and in which precision. */
  readonly device: Device;
  /** Called with the rows of each case as soon as they are known. */
  readonly onRows?: (rows: readonly ParityRow[]) => void;
}

/** Share of all tokenizer cases that may differ. */
export const tokenizerTolerance = 0.01;

/** What a path can be compared as. */
type Kind = "model" | "pipeline" | "tokenizers" | "metrics";

/**
 * Compares every path: a model case, a pipeline case, `tokenizers.json`, `metrics.json`, or a folder
 * that holds any of these.
 *
 * @returns One row a quantity, in the order of the paths; folders in the order of their names
 * @throws {FileError} If a path is none of these, or a file that it names cannot be used
 */
export async function runParity(
  paths: readonly string[],
  options: ParityOptions,
): Promise<ParityRow[]> {
  const found: [string, Kind][] = [];
  for (const path of paths) found.push(...await casesIn(path));
  const rows: ParityRow[] = [];
  for (const [path, kind] of found) {
    const made = await compare(path, kind, options);
    rows.push(...made);
    options.onRows?.(made);
  }
  return rows;
}

async function compare(
  path: string,
  kind: Kind,
  { root, device }: ParityOptions,
): Promise<ParityRow[]> {
  switch (kind) {
    case "model":
      return await compareModel(path, device);
    case "pipeline":
      return await comparePipeline(path, root, device);
    case "tokenizers":
      return await tokenizerRows(path, `${root}/models`);
    case "metrics":
      return await compareMetrics(path);
  }
}

/** What a path holds: itself, or the cases directly below it. */
async function casesIn(path: string): Promise<[string, Kind][]> {
  if (!await exists(path)) {
    throw new FileError("Cannot find case as it requires a file or folder: found nothing", path);
  }
  const own = await pathKind(path);
  if (own !== undefined) return [[path, own]];
  const cases: [string, Kind][] = [];
  if (await isFolder(path)) {
    for (const name of await namesIn(path)) {
      const kind = await pathKind(`${path}/${name}`);
      if (kind !== undefined) cases.push([`${path}/${name}`, kind]);
    }
  }
  if (cases.length > 0) return cases;
  throw new FileError(
    "Cannot compare as a case folder (case.json with expected.safetensors), tokenizers.json, " +
      "metrics.json or a folder of these is required: found none",
    path,
  );
}

async function pathKind(path: string): Promise<Kind | undefined> {
  if (/(^|\/)tokenizers\.json$/.test(path)) return "tokenizers";
  if (/(^|\/)metrics\.json$/.test(path)) return "metrics";
  if (!await exists(`${path}/case.json`)) return undefined;
  const spec = await readJson(`${path}/case.json`);
  if (isRecord(spec) && "task" in spec) return "pipeline";
  for (const part of ["expected.safetensors", "base"]) {
    if (await exists(`${path}/${part}`)) continue;
    throw new FileError(`Cannot compare case as it requires ${part}: found none`, path);
  }
  return "model";
}

/**
 * A row for each tokenizer and one for all of them. Errors are shares of all cases of the file: the
 * tolerance is one for the whole file, so no single tokenizer may fail where all together pass.
 */
async function tokenizerRows(path: string, models: string): Promise<ParityRow[]> {
  const { total, differing } = await compareTokenizers(path, models);
  const records = await readJson(path) as { tokenizer: string }[];
  const row = (quantity: string, list: readonly TokenizerDifference[], listed: boolean) => {
    const error = new Set(list.map(({ index }) => index)).size / Math.max(1, total);
    const verdict = { error, tolerance: tokenizerTolerance, ok: error <= tokenizerTolerance };
    const note = listed && list.length > 0 ? { note: list.map(describe).join("\n") } : {};
    return { case: "tokenizers", quantity, ...verdict, ...note };
  };
  const names = [...new Set(records.map(({ tokenizer }) => tokenizer))];
  const each = names.map((name) =>
    row(name, differing.filter(({ tokenizer }) => tokenizer === name), true)
  );
  return [...each, row("all", differing, false)];
}

function describe({ index, text, pair, what, expected, actual }: TokenizerDifference): string {
  const texts = [text, pair].filter((part) => part !== undefined).map((part) => cut(part, 60));
  return `case ${index}, ${what} of ${texts.join(" with ")}: ` +
    `expected ${cut(expected, 80)}, found ${cut(actual, 80)}`;
}

function cut(value: unknown, length: number): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
