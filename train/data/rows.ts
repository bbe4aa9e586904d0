/**
 * Rows of tables, whatever file they come from, and the errors about them.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { quoted, shortExcerpt } from "./text.ts";

/** Most rows of a table. */
export const mostRows = 2_000_000;
/** Most characters of a cell. */
export const mostCharacters = 1_000_000;

/** One row of a table. */
export interface TableRow {
  /** Cells of the columns that were asked for, in their order; undefined where there is none. */
  readonly cells: readonly unknown[];
  /** Path of the file, for messages. */
  readonly path: string;
  /** One-based row, header not counted. */
  readonly row: number;
  /** One-based line; undefined in a binary file. */
  readonly line?: number;
}

/** Which columns of a table are read. */
export interface Columns {
  /** Columns without which a table is refused. */
  readonly required: readonly string[];
  /** Columns that may be absent; they follow in {@linkcode TableRow.cells}. */
  readonly optional?: readonly string[];
}

/**
 * Positions of columns in a header; undefined for optional ones that are absent.
 *
 * @throws {FileError} If a required column is absent, or one occurs twice
 */
export function positionsOf(
  header: readonly string[],
  { required, optional = [] }: Columns,
  path: string,
  line?: number,
): (number | undefined)[] {
  const positions = [...required, ...optional].map((name) => {
    const position = header.indexOf(name);
    if (position !== header.lastIndexOf(name)) {
      throw new FileError(
        `Cannot read header as column ${quoted([name])} occurs twice`,
        path,
        line,
      );
    }
    return position < 0 ? undefined : position;
  });
  if (positions.slice(0, required.length).includes(undefined)) {
    throw new FileError(
      `Cannot read header as the columns ${quoted(required)} are required: found ${quoted(header)}`,
      path,
      line,
    );
  }
  return positions;
}

/** The error of a row that has more or fewer cells than the header. */
export function widthError(
  { required, found }: { readonly required: number; readonly found: number },
  path: string,
  line: number,
): FileError {
  return new FileError(
    `Cannot read row as the header requires ${required} columns: found ${found}`,
    path,
    line,
  );
}

/** The error of a cell that is not what its column requires. */
export function cellError(
  { path, row, line }: TableRow,
  column: string,
  required: string,
  found: unknown,
): FileError {
  const where = line === undefined ? ` of row ${row}` : "";
  return new FileError(
    `Cannot read column ${quoted([column])}${where} as ${required} is required: found ${
      shortExcerpt(found)
    }`,
    path,
    line,
  );
}
