/**
 * Tables of any published kind as rows of cells: parquet, JSON lines, CSV and TSV, the latter three
 * also under gzip.
 *
 * @module
 */

import { textOf } from "../../nn/formats/json_text.ts";
import { readBytes } from "../files/files.ts";
import { inflated } from "./gzip.ts";
import { readParquet } from "./parquet.ts";
import type { Columns, TableRow } from "./rows.ts";
import { parseTable } from "./table_text.ts";

/** Whether a path is of a table, judged by its extension. */
export const tablePattern: RegExp = /\.(?:parquet|(?:jsonl|ndjson|csv|tsv)(?:\.gz)?)$/;

/**
 * Reads columns of a table.
 *
 * @throws {FileError} If the file is missing, malformed or too large, or lacks a column
 */
export async function readTable(path: string, columns: Columns): Promise<TableRow[]> {
  const [, extension, gzip] = /\.(\w+)(\.gz)?$/.exec(path) ?? [];
  if (extension === "parquet") return await readParquet(path, columns);
  const bytes = await readBytes(path);
  return parseTable(
    textOf(gzip === undefined ? bytes : await inflated(bytes, path), path),
    path,
    columns,
  );
}
