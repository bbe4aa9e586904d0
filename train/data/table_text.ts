/**
 * Tables that are texts, JSON lines, CSV and TSV, as rows of cells.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { parseCsv } from "./csv.ts";
import { type Columns, positionsOf, type TableRow, widthError } from "./rows.ts";
import { linesOf, shortExcerpt } from "./text.ts";

/** Extensions by which tables are known; all but parquet also before `.gz`. */
export const tableExtensions = ["parquet", "jsonl", "ndjson", "csv", "tsv"] as const;

/**
 * Reads columns of a table from its text.
 *
 * @param path Path of the file: its extension, before `.gz`, says what the text is
 * @throws {FileError} If the text is malformed or too large, or lacks a column
 */
export function parseTable(text: string, path: string, columns: Columns): TableRow[] {
  const [, extension] = /\.(\w+)(?:\.gz)?$/.exec(path) ?? [];
  switch (extension) {
    case "jsonl":
    case "ndjson":
      return parseJsonLines(text, path, columns);
    case "csv":
      return fromRecords(parseCsv(text, path), path, columns);
    case "tsv": {
      const records = linesOf(text, path).map((line, i) => ({
        fields: line.split("\t"),
        line: i + 1,
      }));
      return fromRecords(records, path, columns);
    }
  }
  throw new FileError(
    `Cannot read table as one of ${tableExtensions.join(", ")} is required: found ${
      extension ?? "no extension"
    }`,
    path,
  );
}

function fromRecords(
  [header, ...records]: readonly { readonly fields: readonly string[]; readonly line: number }[],
  path: string,
  columns: Columns,
): TableRow[] {
  const { fields: names, line } = header ?? { fields: [], line: 1 };
  const positions = positionsOf(names, columns, path, line);
  return records.map(({ fields, line }, index) => {
    if (fields.length !== names.length) {
      throw widthError({ required: names.length, found: fields.length }, path, line);
    }
    const cells = positions.map((at) => at === undefined ? undefined : fields[at]);
    return { cells, path, row: index + 1, line };
  });
}

function parseJsonLines(text: string, path: string, columns: Columns): TableRow[] {
  const names = [...columns.required, ...columns.optional ?? []];
  const rows: TableRow[] = [];
  linesOf(text, path).forEach((source, index) => {
    if (source.trim() === "") return;
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch {
      // Falls through to the error.
    }
    if (!isRecord(value)) {
      const found = shortExcerpt(value === undefined ? source : value);
      const message = `Cannot read line as one JSON object is required: found ${found}`;
      throw new FileError(message, path, index + 1);
    }
    const fields = new Map<string, unknown>(Object.entries(value));
    const cells = names.map((name) => fields.get(name));
    rows.push({ cells, path, row: rows.length + 1, line: index + 1 });
  });
  return rows;
}
