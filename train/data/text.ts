/**
 * Lines of data files, and words in messages about them.
 *
 * @module
 */

/** Lines of a text, without a byte order mark, carriage returns and an empty last line. */
export function linesOf(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n")
    .map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  if (lines.at(-1) === "") lines.pop();
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
