/**
 * Lines of data files, and words in messages about them.
 *
 * @module
 */

import { lengthError, mostCharacters, mostRows, rowsError } from "./limits.ts";

/**
 * Lines of a text, without a byte order mark, carriage returns and an empty last line.
 *
 * @param path Path of the file, for messages
 * @throws {FileError} If there are more lines, or longer ones, than data has
 */
export function linesOf(text: string, path: string): string[] {
  const lines: string[] = [];
  for (let start = text.startsWith("\uFEFF") ? 1 : 0; start < text.length;) {
    const found = text.indexOf("\n", start);
    const end = found < 0 ? text.length : found;
    const line = text.slice(start, found > start && text[end - 1] === "\r" ? end - 1 : end);
    if (line.length > mostCharacters) {
      throw lengthError("line", line.length, path, lines.length + 1);
    }
    lines.push(line);
    if (lines.length > mostRows + 1) throw rowsError(path, lines.length);
    start = end + 1;
  }
  return lines;
}

/** Words in quotation marks, as a list. */
export function quoted(words: readonly string[]): string {
  return words.map((word) => JSON.stringify(word)).join(", ");
}

/** A value as a message shows it. */
export function shortExcerpt(value: unknown): string {
  if (value === undefined || value === null) return "none";
  const text = typeof value === "bigint" ? `${value}` : JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

const decimal = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;

/** The number that a text writes in decimal digits; NaN for other spellings, such as `0x10`. */
export function decimalOf(text: string): number {
  return decimal.test(text) ? Number(text) : NaN;
}
