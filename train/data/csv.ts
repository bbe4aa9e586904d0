/**
 * Comma-separated values after RFC 4180, and tab-separated ones, with the line of every record.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { lengthError, mostCharacters, mostColumns, mostRows, rowsError } from "./limits.ts";

/** One record of a file. */
export interface CsvRecord {
  /** The fields, without their quotation marks. */
  fields: string[];
  /** One-based line on which the record begins. */
  line: number;
}

/**
 * Splits a file into records. Quoted fields may hold commas, line breaks and doubled quotation
 * marks; lines end in LF or CRLF; a byte order mark and empty lines are left out.
 *
 * @param text Content of the file
 * @param name Name of the file for messages
 * @throws {FileError} If a quoted field is not closed, a quotation mark stands inside a field, or
 * there are too many or too long ones
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseCsv('a,"b ""c"""\r\n', "x.csv"), [{ fields: ["a", 'b "c"'], line: 1 }]);
 * ```
 */
export function parseCsv(text: string, name: string, separator: "," | "\t" = ","): CsvRecord[] {
  const records: CsvRecord[] = [];
  const plain = separator === "," ? /[^,\r\n"]*/y : /[^\t\r\n]*/y;
  const behind = separator === "," ? /,|\r?\n|$/y : /\t|\r?\n|$/y;
  let position = text.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  while (position < text.length) {
    const record: CsvRecord = { fields: [], line };
    let separated: string | undefined = separator;
    while (separated === separator) {
      let end: number;
      if (text[position] === '"') {
        end = closingQuote(text, position, name, line) + 1;
        const raw = text.slice(position + 1, end - 1);
        record.fields.push(raw.replaceAll('""', '"'));
        line += raw.split("\n").length - 1;
      } else {
        plain.lastIndex = position;
        const raw = plain.exec(text)?.[0] ?? "";
        record.fields.push(raw);
        end = position + raw.length;
      }
      requireSmall(record.fields, name, line);
      behind.lastIndex = end;
      separated = behind.exec(text)?.[0];
      if (separated === undefined) {
        const found = JSON.stringify(text[end]);
        const required = `a ${separator === "," ? "comma" : "tab"} or line end`;
        const message = `Cannot read field as ${required} is required after it: found`;
        throw new FileError(`${message} ${found}`, name, line);
      }
      position = end + separated.length;
    }
    line++;
    if (record.fields.length > 1 || record.fields[0] !== "") records.push(record);
    // One is the header.
    if (records.length > mostRows + 1) throw rowsError(name, line - 1);
  }
  return records;
}

function requireSmall(fields: readonly string[], name: string, line: number): void {
  const { length } = fields.at(-1)!;
  if (length > mostCharacters) throw lengthError("field", length, name, line);
  if (fields.length <= mostColumns) return;
  const required = `at most ${mostColumns} columns are required`;
  throw new FileError(`Cannot read row as ${required}: found more`, name, line);
}

/** Position of the mark that closes the field which the mark at `start` opens. */
function closingQuote(text: string, start: number, name: string, line: number): number {
  let position = text.indexOf('"', start + 1);
  while (position >= 0 && text[position + 1] === '"') position = text.indexOf('"', position + 2);
  if (position >= 0) return position;
  const message = "Cannot read quoted field as a closing quotation mark is required: found none";
  throw new FileError(message, name, line);
}
