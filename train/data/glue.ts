/**
 * Reader of the GLUE files: tab-separated values in which a quotation mark is an ordinary character.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { readText } from "../files/files.ts";
import type { Example, Split } from "./example.ts";
import { type GlueTask, type GlueTaskInfo, glueTasks } from "./glue_tasks.ts";
import { linesOf, quoted } from "./text.ts";

/** Positions of the columns that are used, and the number that each row must have. */
interface Layout {
  textA: number;
  textB: number | undefined;
  label: number | undefined;
  width: number;
}

/**
 * Reads the text of one GLUE file. Examples keep the order of the file, duplicates included.
 *
 * @param task Which task the file belongs to
 * @param split Which of the three files it is; examples of `test` have no label
 * @param text Content of the file; a byte order mark and carriage returns are left out
 * @param name Name of the file for messages
 * @throws {FileError} If a column is missing, a row has another number of columns, a label is
 * unknown or there is no row
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const text = "sentence\tlabel\na fine film \t1\n";
 * assertEquals(parseGlue("sst2", "dev", text, "dev.tsv"), [
 *   { textA: "a fine film", label: 1, index: 0 },
 * ]);
 * ```
 */
export function parseGlue(task: GlueTask, split: Split, text: string, name: string): Example[] {
  const info = glueTasks[task];
  const lines = linesOf(text, name);
  const header = split === "test" ? undefined : info.headerless;
  const layout = layoutOf(info, split, header ?? (lines[0] ?? "").split("\t"), name);
  const first = header === undefined ? 1 : 0;
  if (lines.length <= first) {
    throw new FileError(`Cannot read ${info.title} as at least 1 row is required: found 0`, name);
  }
  return lines.slice(first).map((line, index) => {
    const at = first + index + 1;
    const cells = line.split("\t");
    if (cells.length !== layout.width) {
      throw new FileError(
        `Cannot read row as ${info.title} requires ${layout.width} columns: found ${cells.length}`,
        name,
        at,
      );
    }
    const cell = (column: number) => cells[column] ?? "";
    const clean = (value: string) => info.padded ? value.trimEnd() : value;
    const textA = clean(cell(layout.textA));
    const label = layout.label === undefined
      ? undefined
      : labelOf(info, cell(layout.label), name, at);
    return layout.textB === undefined
      ? { textA, label, index }
      : { textA, textB: clean(cell(layout.textB)), label, index };
  });
}

/**
 * Reads `train.tsv`, `dev.tsv` or `test.tsv` of a task.
 *
 * @param task Which task to read
 * @param directory Folder of the task itself, for example `glue/RTE`
 * @param split Which of the three files to read
 * @throws {FileError} If the file is missing or malformed
 */
export async function readGlue(
  task: GlueTask,
  directory: string,
  split: Split,
): Promise<Example[]> {
  const path = `${directory}/${split}.tsv`;
  return parseGlue(task, split, await readText(path), path);
}

function layoutOf(
  info: GlueTaskInfo,
  split: Split,
  header: readonly string[],
  name: string,
): Layout {
  const required = [info.textA];
  if (info.textB !== undefined) required.push(info.textB);
  if (split !== "test") required.push(info.label);
  const positions = required.map((column) => header.indexOf(column));
  if (positions.includes(-1)) {
    throw new FileError(
      `Cannot read header as ${info.title} requires the columns ${quoted(required)}: ` +
        `found ${quoted(header)}`,
      name,
      1,
    );
  }
  const labelled = split === "test" ? undefined : positions.at(-1);
  const textB = info.textB === undefined ? undefined : positions[1];
  return { textA: positions[0] ?? 0, textB, label: labelled, width: header.length };
}

function labelOf(info: GlueTaskInfo, word: string, name: string, line: number): number {
  if (info.range === undefined) {
    const label = info.labels.indexOf(word);
    if (label >= 0) return label;
    throw new FileError(
      `Cannot read label as ${info.title} requires one of ${quoted(info.labels)}: ` +
        `found ${JSON.stringify(word)}`,
      name,
      line,
    );
  }
  const [least, greatest] = info.range;
  const score = word.trim() === "" ? NaN : Number(word);
  if (score >= least && score <= greatest) return score;
  throw new FileError(
    `Cannot read score as ${info.title} requires a number from ${least} to ${greatest}: ` +
      `found ${JSON.stringify(word)}`,
    name,
    line,
  );
}
