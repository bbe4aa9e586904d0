/**
 * From a configuration and rows to labelled examples, wherever the rows are from.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import type { TaskName } from "../config/train_options.ts";
import type { Example, Split } from "../data/example.ts";
import { type GlueTask, type GlueTaskInfo, glueTasks, isGlue } from "../data/glue_tasks.ts";
import { classesOf, labelOf, type LabelRule } from "../data/labels.ts";
import { Places } from "../data/places.ts";
import { cellError, type Columns, type TableRow } from "../data/rows.ts";
import { generates, type TextTaskName } from "../data/text_tasks.ts";
import { evaluatedOf, heldBack, holdsBack } from "./held_back.ts";
import type { TaskParts } from "./task.ts";

/** What a task of labels is, apart from its data. */
export type LabelledKind = Pick<GlueTaskInfo, "title" | "labels" | "metrics" | "primaryMetric">;

/** Labelled examples and what they are. */
export interface LabelledData {
  /** The task; its labels are the words of the classes. */
  readonly kind: LabelledKind;
  /** Training examples; none where they were not asked for. */
  readonly train: readonly Example[];
  /** Examples of the split that is evaluated. */
  readonly dev: readonly Example[];
  /** Its file, or the first of several. */
  readonly path: string;
  /** Where both were read. */
  readonly places: { readonly train: Places; readonly dev: Places };
  /** What is remarkable of them, one line each. */
  readonly notes: readonly string[];
}

/** The row of GLUE's table of a task, where it is one of them. */
export const glueOf = (task: TaskName): GlueTask | undefined => isGlue(task) ? task : undefined;

/** The tasks of the user's own tables, given the words of their classes. */
const ownKinds: Readonly<
  Record<
    Exclude<TaskName, GlueTask | TextTaskName>,
    (classes: readonly string[]) => LabelledKind
  >
> = {
  classification: (classes) => ({
    title: "classification",
    labels: classes,
    metrics: ["accuracy", "macro_f1", "matthews", ...(classes.length === 2 ? ["f1"] as const : [])],
    primaryMetric: "accuracy",
  }),
  regression: () => ({
    title: "regression",
    labels: [],
    metrics: ["pearson", "spearman", "mse"],
    primaryMetric: "pearson",
  }),
};

/**
 * The task of a configuration, given the words of its classes.
 *
 * @throws {OptionError} If it is one in which texts are written
 */
export function labelKind(task: TaskName, classes: readonly string[]): LabelledKind {
  if (isGlue(task)) return glueTasks[task];
  if (!generates(task)) return ownKinds[task](classes);
  throw new OptionError(`Cannot read labels as a task that has them is required: found ${task}`);
}

/**
 * Words of the classes of a saved run; none for scores, undefined where texts are written.
 *
 * @throws {OptionError} If the run must name them and does not
 */
export function classNames(
  task: TaskName,
  saved: readonly string[] | undefined,
): readonly string[] | undefined {
  if (task === "classification" && !saved?.length) {
    throw new OptionError("Cannot open the run as run.json must name its classes: found none");
  }
  return generates(task) ? undefined : labelKind(task, saved ?? []).labels;
}

/**
 * The examples of a run.
 *
 * @param known Words that the model's configuration has for its classes
 * @param readSplit Reads the rows of a split
 * @throws {FileError} If a cell is malformed
 * @throws {OptionError} If nothing says what the classes are
 */
export async function labelledData(
  config: TrainConfig,
  known: readonly string[],
  parts: TaskParts,
  readSplit: (config: TrainConfig, split: Split) => Promise<SplitRows>,
): Promise<LabelledData> {
  const { task } = config;
  const { label } = columnsOf(config);
  const holds = holdsBack(config, parts);
  const { rows: trained, places, path } = parts.train || holds
    ? await readSplit(config, "train")
    : { rows: [], places: new Places(), path: "" };
  let classes = parts.classes ?? [];
  if (task === "classification" && parts.classes === undefined) {
    if (!parts.train) {
      throw new OptionError("Cannot evaluate as the run must name its classes: found none");
    }
    const cells = trained.flatMap((one) => "row" in one ? { cell: one.cell, row: one.row } : []);
    classes = classesOf(cells, label, known);
  }
  const kind = labelKind(task, classes);
  const rule = ruleOf(config, kind);
  const train = trained.map((one, index) => {
    const example = exampleOf(one, index, rule);
    if (example.label !== undefined || !("row" in one)) return example;
    throw cellError(one.row, label, "a label", one.cell);
  });
  if (holds) {
    const { kept, held, note } = heldBack(train, config, divisionOf(train, kind));
    return {
      kind,
      train: parts.train ? kept.map((position) => train[position]!) : [],
      dev: held.map((position) => train[position]!),
      path,
      places: { train: places.pick(kept), dev: places.pick(held) },
      notes: [note],
    };
  }
  const read = await readSplit(config, parts.split);
  const dev = read.rows.map((one, index) => exampleOf(one, index, rule));
  const { positions, notes } = evaluatedOf(dev, config, parts, divisionOf(dev, kind));
  const evaluated = positions.map((position) => dev[position]!);
  const both = { train: places, dev: read.places.pick(positions) };
  return { kind, train, dev: evaluated, path: read.path, places: both, notes };
}

/** Examples that stay together, and those of which parts have the same share. */
function divisionOf(examples: readonly Example[], { labels }: LabelledKind) {
  return {
    // Equal texts on both sides would show how well they are known by heart.
    groupOf: (at: number) => `${examples[at]!.textA}\t${examples[at]!.textB ?? ""}`,
    stratumOf: (at: number) => labels.length === 0 ? undefined : examples[at]!.label,
  };
}

/** Whether the task of a configuration reads pairs of texts. */
export function readsPairs(config: TrainConfig): boolean {
  return columnsOf(config).textB !== undefined;
}

/** A row's texts, its label not understood yet. */
export interface UnreadLabel {
  /** The first or only text. */
  readonly textA: string;
  /** The second text of a pair. */
  readonly textB: string | undefined;
  /** What the label's column holds. */
  readonly cell: unknown;
  /** The row. */
  readonly row: TableRow;
}

/** The rows of a split. */
export interface SplitRows {
  /** Rows of tables, or examples of published files, whose labels are understood. */
  readonly rows: readonly (UnreadLabel | Example)[];
  /** Its file, or the first of several. */
  readonly path: string;
  /** Where they were read. */
  readonly places: Places;
}

/** The rows of a split that is spread over tables, at least one. */
export function splitRows(tables: readonly (readonly UnreadLabel[])[]): SplitRows {
  const rows = tables.flat();
  const places = new Places();
  for (const { row } of rows) places.add(row.path, row.line);
  return { rows, path: rows[0]!.row.path, places };
}

function exampleOf(one: UnreadLabel | Example, index: number, rule: LabelRule): Example {
  if (!("row" in one)) return one;
  const { textA, textB, cell, row } = one;
  const label = labelOf(cell, row, rule);
  return { textA, ...(textB !== undefined && { textB }), label, index };
}

/** What the labels of a task may be. */
export function ruleOf(config: TrainConfig, { labels }: LabelledKind): LabelRule {
  const glue = glueOf(config.task);
  const range = glue === undefined ? undefined : glueTasks[glue].range;
  const classes = labels.length === 0 ? undefined : labels;
  return { column: columnsOf(config).label, classes, range };
}

/** Whether columns are named, so that files are tables even where they are called as GLUE's. */
export function namesColumns({ textA, textB, label }: TrainConfig): boolean {
  return [textA, textB, label].some((name) => name !== undefined);
}

/** The columns of a configuration's tables; those of GLUE are as the hub has them. */
function columnsOf({ task, textA, textB, label = "label" }: TrainConfig) {
  const glue = glueOf(task);
  const usual: { readonly textA: string; readonly textB?: string } = glue === undefined
    ? { textA: "text" }
    : glueTasks[glue].hubColumns ?? glueTasks[glue];
  return { textA: textA ?? usual.textA, textB: textB ?? usual.textB, label };
}

/** The texts of a configuration's tables. */
function textsOf(config: TrainConfig): string[] {
  const { textA, textB } = columnsOf(config);
  return textB === undefined ? [textA] : [textA, textB];
}

/** The columns that are read of a configuration's tables. */
export function columnsRead(config: TrainConfig, labelled: boolean): Columns {
  const { label } = columnsOf(config);
  const texts = textsOf(config);
  return labelled ? { required: [...texts, label] } : { required: texts, optional: [label] };
}

/**
 * The texts of a table that was read by {@linkcode columnsRead}.
 *
 * @throws {FileError} If there is no row, or a cell is no text
 */
export function textsOfRows(
  rows: readonly TableRow[],
  config: TrainConfig,
  path: string,
): UnreadLabel[] {
  const texts = textsOf(config);
  if (rows.length === 0) {
    throw new FileError("Cannot read table as at least 1 row is required: found 0", path);
  }
  const glue = glueOf(config.task);
  const padded = glue !== undefined && glueTasks[glue].padded === true;
  return rows.map((row) => {
    const [first, second] = texts.map((column, i) => {
      const cell = row.cells[i];
      if (typeof cell !== "string") throw cellError(row, column, "a text", cell);
      return padded ? cell.trimEnd() : cell;
    });
    return { textA: first!, textB: second, cell: row.cells[texts.length], row };
  });
}
