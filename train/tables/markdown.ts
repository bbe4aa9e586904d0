/**
 * Tables as Markdown of GitHub's kind.
 *
 * @module
 */

import { type Cell, type Section, sectionsHeading, type Sheet } from "./sheets.ts";
import { sectionsOf } from "./sections.ts";
import type { Tables } from "./contents.ts";

/** All tables, with the warnings before them. */
export function markdownOf(tables: Tables): string {
  const { title, facts } = sectionsHeading(tables);
  return [
    `# ${escaped(title)}`,
    escaped(facts),
    tables.warnings.map((warning) => `- **Note**: ${escaped(warning)}`).join("\n"),
    ...sectionsOf(tables).map(sectionText),
  ].filter((part) => part !== "").join("\n\n") + "\n";
}

function sectionText({ title, sheets }: Section): string {
  return [`## ${escaped(title)}`, ...sheets.map(sheetText)].join("\n\n");
}

function sheetText({ caption, notes = [], columns, rows }: Sheet): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `${escaped(caption)}\n`,
    line(columns.map((column) => escaped(column.title))),
    line(columns.map(({ isNumber }) => isNumber ? "---:" : "---")),
    ...rows.map((row) => line(row.map(cellText))),
    ...notes.map((note) => `\n${escaped(note)}`),
  ].join("\n");
}

function cellText({ text, strong = false }: Cell): string {
  return strong && text !== "" ? `**${escaped(text)}**` : escaped(text);
}

/** Text in which nothing is markup, and which is a single line. */
function escaped(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\`*_[\]|~#]/g, "\\$&")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
