/**
 * Tables as LaTeX with booktabs.
 *
 * @module
 */

import { type Cell, type Section, sectionsHeading, type Sheet } from "./sheets.ts";
import { sectionsOf } from "./sections.ts";
import type { Tables } from "./contents.ts";

/** All tables as environments to be put into a document that loads booktabs and graphicx. */
export function latexOf(tables: Tables): string {
  const { title, facts } = sectionsHeading(tables);
  const comments = [title, facts, ...tables.warnings, "Needs \\usepackage{booktabs,graphicx}."];
  return [
    comments.map((text) => `% ${text.replace(/\s+/g, " ")}`).join("\n"),
    ...sectionsOf(tables).map(sectionText),
  ].join("\n\n") + "\n";
}

function sectionText({ title, sheets }: Section): string {
  return [`% ${title.replace(/\s+/g, " ")}`, ...sheets.map(sheetText)].join("\n");
}

function sheetText({ id, caption, notes = [], columns, rows }: Sheet): string {
  const line = (cells: readonly string[]) => `    ${cells.join(" & ")} \\\\`;
  return [
    "\\begin{table}",
    "  \\centering",
    `  \\caption{${latexText(caption)}}`,
    `  \\label{tab:${id}}`,
    // As wide as the text at most.
    "  \\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%",
    `  \\begin{tabular}{${columns.map(({ isNumber }) => isNumber ? "r" : "l").join("")}}`,
    "    \\toprule",
    line(columns.map(({ title }) => latexText(title))),
    "    \\midrule",
    ...rows.map((row) => line(row.map(cellText))),
    "    \\bottomrule",
    "  \\end{tabular}}",
    ...notes.map((note) => `  \\par\\footnotesize ${latexText(note)}`),
    "\\end{table}",
  ].join("\n");
}

function cellText({ text, strong = false }: Cell): string {
  return strong && text !== "" ? `\\textbf{${latexText(text)}}` : latexText(text);
}

/** What stands for characters that LaTeX reads as something else, or that its usual fonts lack. */
const characters: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  "$": "\\$",
  "&": "\\&",
  "#": "\\#",
  "%": "\\%",
  "_": "\\_",
  "^": "\\textasciicircum{}",
  "~": "\\textasciitilde{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  // Some languages of babel give it a meaning.
  '"': "{\\char34}",
  // Behind the end of a row they would belong to it.
  "[": "{[}",
  "*": "{*}",
  "`": "\\textasciigrave{}",
  "±": "$\\pm$",
  "−": "$-$",
  "×": "$\\times$",
  "≤": "$\\le$",
  "–": "\\textendash{}",
  "…": "\\dots{}",
};

/** Text as LaTeX sets it. */
export function latexText(text: string): string {
  return text.replace(/\s+/g, " ")
    .replace(/[\\{}$&#%_^~<>|"[*`±−×≤–…]/g, (character) => characters[character]!)
    // Of several dashes LaTeX makes one.
    .replace(/-(?=-)/g, "-{}");
}
