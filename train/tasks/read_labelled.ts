/**
 * Labelled examples in files: GLUE's published ones, or tables of the hub's conversion or of the
 * user's own.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Example, Split } from "../data/example.ts";
import { parseGlue, readGlue } from "../data/glue.ts";
import { type GlueTask, glueTasks } from "../data/glue_tasks.ts";
import { labelOf, type LabelRule } from "../data/labels.ts";
import { Places } from "../data/places.ts";
import type { TableRow } from "../data/rows.ts";
import { findSplit, missingSplit } from "../data/splits.ts";
import { readTable, tablePattern } from "../data/table.ts";
import { exists, readText } from "../files/files.ts";
import {
  columnsRead,
  glueOf,
  type LabelledData,
  labelledData,
  type LabelledKind,
  namesColumns,
  ruleOf,
  type SplitRows,
  splitRows,
  textsOfRows,
  type UnreadLabel,
} from "./labelled.ts";
import type { TaskParts } from "./task.ts";

/**
 * Reads the examples of a run.
 *
 * @param known Words that the model's configuration has for its classes
 * @throws {FileError} If a file is missing or malformed
 * @throws {OptionError} If nothing says what the classes are
 */
export async function readLabelled(
  config: TrainConfig,
  known: readonly string[],
  parts: TaskParts,
): Promise<LabelledData> {
  return await labelledData(config, known, parts, readSplit);
}

/**
 * Reads new examples: a file in the form of one of the task's published files, or a table.
 *
 * @param kind What labels are read by, where they are known; default none are read
 * @throws {FileError} If it is missing or malformed
 */
export async function readUnlabelled(
  config: TrainConfig,
  path: string,
  kind?: LabelledKind,
): Promise<{ examples: Example[]; places: Places }> {
  const glue = glueOf(config.task);
  const table = tablePattern.test(path) && !path.endsWith(".tsv");
  if (glue !== undefined && !namesColumns(config) && !table) {
    const text = await readText(path);
    const split = kind !== undefined && hasLabels(glue, text) ? "dev" : "test";
    const examples = parseGlue(glue, split, text, path);
    return { examples, places: placesOf(glue, split, path, examples.length) };
  }
  const places = new Places();
  const rule = kind === undefined ? undefined : ruleOf(config, kind);
  const examples = (await readRows(config, path, false)).map(
    ({ textA, textB, cell, row }, index) => {
      places.add(row.path, row.line);
      const label = rule === undefined ? undefined : knownLabel(cell, row, rule);
      return { textA, ...(textB !== undefined && { textB }), label, index };
    },
  );
  return { examples, places };
}

/** Whether a published file is one for training or development, whose labels are in it. */
function hasLabels(task: GlueTask, text: string): boolean {
  const { label, headerless } = glueTasks[task];
  const header = text.replace(/^\uFEFF/, "").split(/\r?\n/, 1)[0]!.split("\t");
  return headerless === undefined ? header.includes(label) : header.length === headerless.length;
}

/** A label, where it is one that the run knows. */
function knownLabel(cell: unknown, row: TableRow, rule: LabelRule): number | undefined {
  try {
    return labelOf(cell, row, rule);
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

/** Places in a published file of GLUE, whose rows are its lines. */
function placesOf(task: GlueTask, split: Split, path: string, count: number): Places {
  const places = new Places();
  const first = split !== "test" && glueTasks[task].headerless !== undefined ? 1 : 2;
  for (let i = 0; i < count; i++) places.add(path, first + i);
  return places;
}

async function readSplit(config: TrainConfig, split: Split): Promise<SplitRows> {
  const { data, task } = config;
  const glue = glueOf(task);
  const path = `${data}/${split}.tsv`;
  const published = glue !== undefined && !namesColumns(config);
  const paths = published && await exists(path) ? [] : await findSplit(data, split);
  if (paths.length === 0) {
    if (!published) throw missingSplit(data, split);
    const rows = await readGlue(glue, data, split);
    return { rows, path, places: placesOf(glue, split, path, rows.length) };
  }
  const parts: UnreadLabel[][] = [];
  for (const path of paths) parts.push(await readRows(config, path, split !== "test"));
  return splitRows(parts);
}

async function readRows(
  config: TrainConfig,
  path: string,
  labelled: boolean,
): Promise<UnreadLabel[]> {
  return textsOfRows(await readTable(path, columnsRead(config, labelled)), config, path);
}
