/**
 * Configuration files in TOML.
 *
 * @module
 */

import { parse, TomlError } from "smol-toml";
import { FileError } from "../../core/errors.ts";
import { complaint, type ConfigDocument, plainDocument } from "./config_document.ts";

/**
 * Reads TOML.
 *
 * @throws {FileError} If it is malformed, a key occurs twice, or a value is a date or no finite number
 */
export function parseTomlConfig(text: string, path: string): ConfigDocument {
  const value = read(text, (error) => {
    const reason = complaint(error.message.replace(/^Invalid TOML document: /, ""));
    throw new FileError(`Cannot parse file as it requires valid TOML: ${reason}`, path, error.line);
  });
  return plainDocument(value, path, (key) => lineOf(key, text));
}

function read<T>(text: string, refuse: (error: TomlError) => T): T | Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (error instanceof TomlError) return refuse(error);
    throw error;
  }
}

/**
 * Line in which the statement begins that first names a key. A statement is the fewest lines that are
 * whole by themselves; behind the first header of a table, headers alone name keys of the file.
 */
function lineOf(key: string, text: string): number | undefined {
  const lines = text.split("\n");
  let inTables = false;
  for (let first = 0, end = 1; end <= lines.length; end++) {
    const statement = read(lines.slice(first, end).join("\n"), () => undefined);
    if (statement === undefined) continue;
    const isHeader = lines[first]!.trimStart().startsWith("[");
    inTables ||= isHeader;
    if ((isHeader || !inTables) && Object.hasOwn(statement, key)) return first + 1;
    first = end;
  }
  return undefined;
}
