/**
 * Tables to a file, to all files of a folder, or to standard output.
 *
 * @module
 */

import { extname } from "node:path";
import { OptionError } from "../../core/errors.ts";
import { requireReplaceable, writeFileAtomic } from "../files/files.ts";
import { makeFolder } from "../files/folder.ts";
import type { Tables } from "./contents.ts";
import { csvOf, jsonOf } from "./data_formats.ts";
import { latexOf } from "./latex.ts";
import { sweepFigures } from "./figures.ts";
import { markdownOf } from "./markdown.ts";
import { standaloneSvg, tablesPage } from "./page.ts";

/** Formats by name. */
export const tableFormats = ["md", "csv", "json", "latex", "html"] as const;
/** A format, by name. */
export type TableFormat = typeof tableFormats[number];

/** Endings of the files of the formats. */
const endings: Readonly<Record<TableFormat, string>> = {
  md: ".md",
  csv: ".csv",
  json: ".json",
  latex: ".tex",
  html: ".html",
};

/** Tables as a text of a format. */
export async function tablesText(tables: Tables, format: TableFormat): Promise<string> {
  const render =
    { md: markdownOf, csv: csvOf, json: jsonOf, latex: latexOf, html: tablesPage }[format];
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
 * a file of every format, and one of every figure.
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
  const files = new Map<string, string>();
  for (const name of tableFormats) {
    files.set(`${out}/tables${endings[name]}`, await tablesText(tables, name));
  }
  for (const figure of sweepFigures(tables)) {
    files.set(`${out}/${figure.id}.svg`, standaloneSvg(figure));
  }
  for (const path of files.keys()) await requireReplaceable(path, force);
  await makeFolder(out);
  for (const [path, text] of files) await writeFileAtomic(path, text);
  return [...files.keys()];
}
