/**
 * Tables as people read them: rows of texts, the same for Markdown, LaTeX and HTML.
 *
 * @module
 */

import type { Tables } from "./contents.ts";

/** A cell; `strong` where an adjusted test supports what it says. */
export interface Cell {
  /** What it says. */
  readonly text: string;
  /** Whether it is set in bold. */
  readonly strong?: boolean;
}

/** A column. */
export interface Column {
  /** Its heading. */
  readonly title: string;
  /** Whether its cells are numbers, set to the right. */
  readonly isNumber: boolean;
}

/** A table. */
export interface Sheet {
  /** Identifier in a page and label in LaTeX. */
  readonly id: string;
  /** What it shows, in which units, and by what it was computed. */
  readonly caption: string;
  /** What its cells refer to, in lines below; none where absent. */
  readonly notes?: readonly string[];
  /** Its columns; the first names the row. */
  readonly columns: readonly Column[];
  /** Its rows, a cell for each column. */
  readonly rows: readonly (readonly Cell[])[];
}

/** Tables of one subject. */
export interface Section {
  /** Identifier in a page. */
  readonly id: string;
  /** Heading. */
  readonly title: string;
  /** Tables. */
  readonly sheets: readonly Sheet[];
}

/** A column of a sheet that is made from rows of another kind. */
export interface ColumnOf<T> {
  /** Its heading. */
  readonly title: string;
  /** What it says of a row. */
  readonly cell: (row: T) => string | Cell;
  /** Whether it is of words, set to the left; default false. */
  readonly isText?: boolean;
}

/** A sheet of rows, by columns that say what they show of a row. */
export function sheetOf<T>(
  head: Pick<Sheet, "id" | "caption" | "notes">,
  rows: readonly T[],
  columns: readonly ColumnOf<T>[],
): Sheet {
  return {
    ...head,
    columns: columns.map(({ title, isText = false }) => ({ title, isNumber: !isText })),
    rows: rows.map((row) =>
      columns.map(({ cell }) => {
        const shown = cell(row);
        return typeof shown === "string" ? { text: shown } : shown;
      })
    ),
  };
}

/** An identifier from words: small letters, digits and dashes. */
export function idOf(...words: readonly string[]): string {
  return words.join("-").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** What stands above all tables: of which sweep they are, and how figures were chosen. */
export function sectionsHeading(
  { head, models, which, baseline, examples, tasks }: Tables,
): { readonly title: string; readonly facts: string } {
  const scores = tasks.flatMap((table) => table.scores);
  const [done, planned] = [
    scores.reduce((sum, { n }) => sum + n, 0),
    scores.reduce((sum, score) => sum + score.planned, 0),
  ];
  const model = models.length === 0 ? "" : `Model ${models.join(", ")}. `;
  return {
    title: `Sweep ${head.name}`,
    facts:
      `${model}${examples.trained}${done} of ${planned} runs have a figure, of their ${which} evaluation${examples.judged}. ` +
      `Methods are compared with ${baseline}. Plan ${head.plan}, by version ${head.version}.`,
  };
}
