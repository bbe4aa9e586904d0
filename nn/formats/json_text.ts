/**
 * The text of a file, and what a JSON file says.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { scanJson } from "./json_scan.ts";

/**
 * Decodes a file's UTF-8; a byte order mark at its start is left out.
 *
 * @throws {FileError} If it is not UTF-8
 */
export function textOf(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileError("Cannot read file as it requires UTF-8 text: found other bytes", path);
  }
}

/**
 * Parses the text of a JSON file. Of a key that stands there twice the last value counts, as it does to
 * Python's `json`: configurations and tokenizers then are what transformers and PEFT take them for.
 *
 * @param text Content of the file
 * @param path Path of the file for messages
 * @returns The parsed value, not validated
 * @throws {FileError} If it is not JSON, with the line of the fault
 */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const fault = scanJson(text).fault ?? text.length;
    const line = text.slice(0, fault).split("\n").length;
    const found = fault < text.length
      ? `unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(fault) ?? 0))}`
      : "the end of the file";
    throw new FileError(
      `Cannot parse file as it requires valid JSON: found ${found}`,
      path,
      line,
    );
  }
}
