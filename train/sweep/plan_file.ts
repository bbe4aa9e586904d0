/**
 * Files that say what a sweep is: JSON, JSON with comments, YAML or TOML.
 *
 *     { "tasks": ["rte", { "task": "mrpc", "batch": 16 }],
 *       "methods": ["lora", { "name": "mine", "method": "dropkey", "rate": 0.2 }],
 *       "vary": { "rank": [4, 8] }, "seeds": 10, "tune": { "lr": [2e-4, 5e-4] },
 *       "settings": { "epochs": 10 } }
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import type { GivenConfig } from "../config/config.ts";
import { readConfigDocument } from "../config/config_file.ts";
import { unknownName } from "../config/nearest.ts";
import { parseObject } from "../config/parse.ts";
import { type TaskName, tasks, trainOptions } from "../config/train_options.ts";
import { type SweepMethod, sweepMethod } from "./methods.ts";
import { type Grids, type SweepRequest, type SweepTask, tuneParts } from "./request.ts";

/** The value of a key, with where it stands. */
interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly path: string;
  readonly line: number | undefined;
}

/** Readers of the keys of a file, by key. */
const readers = {
  name: text,
  baseline: text,
  model: text,
  data: text,
  tasks: (entry: Entry) => listOf(entry).map((one) => taskOf(one, entry)),
  methods: (entry: Entry) => listOf(entry).map((one) => methodOf(one, entry)),
  vary: variedOf,
  tune: tunedOf,
  tuneOn: (entry: Entry) =>
    tuneParts.find((part) => part === entry.value) ?? fail(entry, `one of ${tuneParts.join(", ")}`),
  tuneSeeds: count,
  seeds: count,
  presets: (entry: Entry) =>
    Array.isArray(entry.value) && entry.value.length === 0
      ? []
      : listOf(entry).map((value) => text({ ...entry, value })),
  settings: (entry: Entry) => settingsOf(entry.value, entry),
} as const;

/**
 * Reads what a sweep is.
 *
 * @throws {FileError | OptionError} If the file cannot be read, a key is unknown or its value does not
 * fit; the message names the line
 */
export async function readPlanFile(path: string): Promise<SweepRequest> {
  const { value, lineOf } = await readConfigDocument(path);
  if (!isRecord(value)) throw new FileError("Cannot read sweep as an object is required", path);
  const known: Readonly<Record<string, (entry: Entry) => unknown>> = readers;
  const read = Object.entries(value).map(([key, value]) => {
    const line = lineOf(key);
    const reader = Object.hasOwn(known, key) ? known[key] : undefined;
    if (reader !== undefined) return [key, reader({ key, value, path, line })] as const;
    throw unknownName(key, Object.keys(known), ` in ${placeOf({ path, line })}`);
  });
  const found = Object.fromEntries(read) as {
    readonly [K in keyof typeof readers]?: ReturnType<typeof readers[K]>;
  };
  const { tasks, methods, name, tune, ...others } = found;
  const missing = tasks === undefined ? "tasks" : "methods";
  if (tasks === undefined || methods === undefined) {
    throw new FileError(`Cannot read sweep as key ${missing} is required: found none`, path);
  }
  return { name: name ?? nameOf(path), tasks, methods, ...tune, ...others };
}

/** The file's name without folders and ending. */
function nameOf(path: string): string {
  return path.split(/[\\/]/).at(-1)!.replace(/\.[^.]*$/, "");
}

function placeOf({ path, line }: Pick<Entry, "path" | "line">): string {
  return line === undefined ? path : `${path}:${line}`;
}

function fail({ key, path, line, value }: Entry, required: string): never {
  throw new FileError(
    `Cannot read key ${key} as ${required} is required: found ${excerpt(value)}`,
    path,
    line,
  );
}

function text(entry: Entry): string {
  const { value } = entry;
  return typeof value === "string" && value !== "" ? value : fail(entry, "a text");
}

function count(entry: Entry): number {
  const { value } = entry;
  const isCount = typeof value === "number" && Number.isSafeInteger(value) && value > 0;
  return isCount ? value : fail(entry, "an integer of at least 1");
}

function listOf(entry: Entry): readonly unknown[] {
  const { value } = entry;
  return Array.isArray(value) && value.length > 0 ? value : fail(entry, "a list that is not empty");
}

function settingsOf(value: unknown, entry: Entry): GivenConfig {
  return parseObject(trainOptions, value, entry.path, () => entry.line);
}

function taskOf(value: unknown, entry: Entry): SweepTask {
  const { task, ...settings }: JsonObject = isRecord(value) ? value : { task: value };
  const known: TaskName | undefined = tasks.find((one) => one === task);
  return known === undefined
    ? fail({ ...entry, value }, `one of the tasks ${tasks.join(", ")}, alone or in key task,`)
    : { task: known, settings: settingsOf(settings, entry) };
}

/** A method by name, or a name and its settings. */
function methodOf(value: unknown, entry: Entry): SweepMethod {
  if (typeof value === "string") return sweepMethod(value);
  const { name, ...settings }: JsonObject = isRecord(value) ? value : {};
  if (typeof name !== "string" || name === "") {
    return fail({ ...entry, value }, "a method by its name, or an object with key name,");
  }
  return { name, settings: settingsOf(settings, entry) };
}

function variedOf(entry: Entry): Readonly<Record<string, readonly (number | string)[]>> {
  const { value } = entry;
  const rows = isRecord(value) ? Object.entries(value) : fail(entry, "an object of lists");
  return Object.fromEntries(rows.map(([name, values]) => {
    requireOption(name, entry);
    const list: readonly unknown[] = Array.isArray(values) ? values : [];
    const known = list.filter((one) => typeof one === "number" || typeof one === "string");
    const isWhole = known.length > 0 && known.length === list.length;
    return [name, isWhole ? known : fail(entry, `a list of numbers or texts for ${name}`)];
  }));
}

/** Names of what is tuned, or values to try by name. */
function tunedOf(entry: Entry): { readonly tune: readonly string[]; readonly grids?: Grids } {
  const { value } = entry;
  if (Array.isArray(value)) {
    return { tune: listOf(entry).map((one) => text({ ...entry, value: one })) };
  }
  const grids = variedOf(entry);
  const isNumeric = Object.values(grids).flat().every((one) => typeof one === "number");
  return isNumeric
    ? { tune: Object.keys(grids), grids: grids as Grids }
    : fail(entry, "lists of numbers");
}

function requireOption(name: string, { key, path, line }: Entry): void {
  const known = Object.keys(trainOptions);
  if (!known.includes(name)) {
    throw unknownName(name, known, ` of ${key} in ${placeOf({ path, line })}`);
  }
}
