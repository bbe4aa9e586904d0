/**
 * Reader of a system's outputs, paired with the references that they are scored against.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { readText } from "../files/files.ts";
import { parseCsv } from "./csv.ts";
import { lineBlocks, type Segment } from "./references.ts";

/** Names of the first column in the challenge's files, as e2e-metrics knows them. */
const inputHeader =
  /^(mr|src|source|meaning([_ .-]rep(resentation)?)?|da|dial(ogue)?[_ .-]act)s?$/i;

/** One row of a table of inputs and outputs. */
interface PredictionRow {
  readonly input: string;
  readonly output: string;
  readonly line: number;
}

/**
 * Reads one output for each segment: plain lines in the order of the segments, or the challenge's
 * table of inputs and outputs (`.tsv`, or a first line such as `MR`, tab, `output`), whose rows are
 * paired by input where the references name theirs.
 *
 * @param path Path of the outputs
 * @param segments What is scored
 * @param references Path of the references, for messages
 * @returns The outputs in the order of the segments
 * @throws {FileError} If the file is missing or malformed, or outputs and segments do not pair
 */
export async function readPredictions(
  path: string,
  segments: readonly Segment[],
  references: string,
): Promise<string[]> {
  const text = (await readText(path)).replace(/(?<!\r)\r+\n/g, "\n");
  const [first = ""] = text.split("\n", 1);
  const [header = "", ...columns] = first.split("\t");
  const isTable = /\.[ct]sv$/.test(path) || columns.length > 0 && inputHeader.test(header);
  const rows = isTable ? parseTable(text, path) : undefined;
  if (rows !== undefined && segments.every(({ input }) => input !== undefined)) {
    return pair(rows, segments, path, references);
  }
  const outputs = rows?.map(({ output }) => output) ?? lineBlocks(text, path);
  if (outputs.length === segments.length) return outputs;
  throw new FileError(
    `Cannot pair outputs as one for each of ${segments.length} segments is required: ` +
      `found ${outputs.length}`,
    path,
    (rows?.[segments.length] ?? rows?.at(-1))?.line ??
      Math.min(outputs.length, segments.length) + 1,
  );
}

function parseTable(text: string, name: string): PredictionRow[] {
  const records = parseCsv(text, name, text.split("\n", 1)[0]!.includes("\t") ? "\t" : ",");
  if (inputHeader.test(records[0]?.fields[0] ?? "")) records.shift();
  return records.map(({ fields, line }) => {
    const [input, output] = fields;
    if (fields.length === 2 && input !== undefined && output !== undefined) {
      return { input, output: repaired(output), line };
    }
    const message =
      `Cannot read row as an input and an output are required: found ${fields.length}`;
    throw new FileError(`${message} columns`, name, line);
  });
}

/** Undoes wrong encodings that e2e-metrics undoes in the challenge's tables. */
function repaired(text: string): string {
  return text.replace(/Ł|Â£/g, "£").replace(/[Ãã]©/g, "é");
}

function pair(
  rows: readonly PredictionRow[],
  segments: readonly Segment[],
  path: string,
  references: string,
): string[] {
  const outputs = new Map(
    segments.map(({ input }): [unknown, PredictionRow | undefined] => [input, undefined]),
  );
  for (const row of rows) {
    const found = JSON.stringify(row.input);
    if (!outputs.has(row.input)) {
      throw new FileError(
        `Cannot pair output as its input is required among the references: found ${found}`,
        path,
        row.line,
      );
    }
    const before = outputs.get(row.input);
    if (before !== undefined) {
      throw new FileError(
        `Cannot pair output as one for each input is required: found ${found} in line ` +
          `${before.line} too`,
        path,
        row.line,
      );
    }
    outputs.set(row.input, row);
  }
  return segments.map(({ input, line }) => {
    const output = outputs.get(input)?.output;
    if (output !== undefined) return output;
    throw new FileError(
      `Cannot pair references as an output for each input is required: found none in ${path} for ` +
        JSON.stringify(input),
      references,
      line,
    );
  });
}
