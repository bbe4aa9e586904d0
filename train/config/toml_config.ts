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
 * Line in which the statement begins that first names a key: the one behind the longest part of the
 * file that is whole without it.
 */
function lineOf(key: string, text: string): number | undefined {
  const lines = text.split("\n");
  let whole = 0;
  for (let count = 1; count <= lines.length; count++) {
    const table = read(lines.slice(0, count).join("\n"), () => undefined);
    if (table === undefined) continue;
    if (Object.hasOwn(table, key)) return whole + 1;
    whole = count;
  }
  return undefined;
}
