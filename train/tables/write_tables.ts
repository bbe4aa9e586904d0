/**
 * Tables to a file, to all files of a folder, or to standard output.
 *
 * @module
 */

import { extname } from "node:path";
import { FileError, OptionError } from "../../core/errors.ts";
import { exists, requireFile, writeFileAtomic } from "../files/files.ts";
import { makeFolder } from "../files/folder.ts";
import type { Tables } from "./contents.ts";
import { csvOf, jsonOf } from "./data_formats.ts";
import { latexOf } from "./latex.ts";
import { markdownOf } from "./markdown.ts";

/** Formats by name. */
export const tableFormats = ["md", "csv", "json", "latex"] as const;
/** A format, by name. */
export type TableFormat = typeof tableFormats[number];

/** Endings of the files of the formats. */
const endings: Readonly<Record<TableFormat, string>> = {
  md: ".md",
  csv: ".csv",
  json: ".json",
  latex: ".tex",
};

/** Tables as a text of a format. */
export async function tablesText(tables: Tables, format: TableFormat): Promise<string> {
  const render = { md: markdownOf, csv: csvOf, json: jsonOf, latex: latexOf }[format];
  return await render(tables);
}

/** Where tables are written. */
export interface TablesOutput {
  /** Format of a file; default the one that its ending says. */
  readonly format?: TableFormat;
  /** Whether files that are there are replaced. */
  readonly force?: boolean;
}

/**
 * Writes tables: a path that ends as a format's files do is a file, any other one a folder that gets
 * a file of every format.
 *
 * @param out File or folder
 * @returns Paths of the files
 * @throws {OptionError} If a format is asked for and `out` is a folder
 * @throws {FileError} If a file is there and not to be replaced, or the system refuses
 */
export async function writeTables(
  tables: Tables,
  out: string,
  { format, force = false }: TablesOutput = {},
): Promise<string[]> {
  const ending = extname(out).toLowerCase();
  const named = tableFormats.find((name) => endings[name] === ending);
  if (named !== undefined) {
    await requireReplaceable(out, force);
    await writeFileAtomic(out, await tablesText(tables, format ?? named));
    return [out];
  }
  if (format !== undefined) {
    throw new OptionError(
      `Cannot write --format ${format} as --out requires a file that ends in ${
        endings[format]
      }: found ${out}`,
    );
  }
  const paths = tableFormats.map((name) => [name, `${out}/tables${endings[name]}`] as const);
  for (const [, path] of paths) await requireReplaceable(path, force);
  await makeFolder(out);
  for (const [name, path] of paths) await writeFileAtomic(path, await tablesText(tables, name));
  return paths.map(([, path]) => path);
}

/** Refuses to replace what lies at a path, or what is no file. */
async function requireReplaceable(path: string, force: boolean): Promise<void> {
  if (!await exists(path)) return;
  await requireFile(path, Infinity, "replace file");
  if (force) return;
  throw new FileError("Cannot replace file as --force is required: found one", path);
}
