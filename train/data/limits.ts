/**
 * How much data is read: what is larger is refused before it fills the memory or keeps a tokenizer
 * busy.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";

/** Most rows of a table. */
export const mostRows = 1_000_000;
/** Most characters of a cell or line. */
export const mostCharacters = 1_000_000;
/** Most columns. */
export const mostColumns = 10_000;
/** Most classes. */
export const mostClasses = 50_000;

/** The error of a table of too many rows. */
export function rowsError(path: string, line?: number): FileError {
  return new FileError(
    `Cannot read table as at most ${mostRows} rows are required: found more`,
    path,
    line,
  );
}

/** The error of a cell or line that is too long. */
export function lengthError(what: string, found: number, path: string, line?: number): FileError {
  return new FileError(
    `Cannot read ${what} as at most ${mostCharacters} characters are required: found ${found}`,
    path,
    line,
  );
}
