/**
 * The paper's figures beside ours, as tables.
 *
 * @module
 */

import type { PaperBeside, PaperRowBeside } from "./beside_paper.ts";
import type { Tables } from "./contents.ts";
import type { PaperTest } from "./paper_tests.ts";
import { type ColumnOf, idOf, type Section, type Sheet, sheetOf } from "./sheets.ts";
import { pText, signedText, spreadText } from "./units.ts";

/** The section of what the paper prints for the same tasks and methods. */
export function paperSection({ paper, paperTests, averages, baseline }: Tables): Section {
  const over = averages.length === 0 ? "the task" : "the averages over tasks";
  const tests = sheetOf<PaperTest>(
    {
      id: "paper-p-values",
      caption:
        "p-values of HiddenKey against other methods as the paper's table 8 prints them, of a " +
        `test that it does not name; ours are of the paired sign-flip test on ${over}, not adjusted.`,
    },
    paperTests,
    [
      { title: "Model", isText: true, cell: ({ model }) => model },
      { title: "Tasks", isText: true, cell: ({ tasks }) => tasks === "glue" ? "GLUE" : "E2E" },
      { title: "HiddenKey against", isText: true, cell: ({ method }) => method },
      { title: "Paper, p", cell: ({ p }) => p.toFixed(3) },
      { title: "Ours, p", cell: ({ ours }) => pText(ours) },
    ],
  );
  return {
    id: "paper",
    title: "Beside the paper",
    sheets: [
      ...paper.map((one) => besideSheet(one, baseline)),
      ...paperTests.length === 0 ? [] : [tests],
    ],
  };
}

function besideSheet(
  { task, table, model, models, statistic, rows }: PaperBeside,
  baseline: string,
): Sheet {
  const own = models.length === 0 ? "the sweep's model" : models.join(", ");
  const digits = { factor: 1, decimals: 2 };
  const notes = [...new Set(rows.flatMap((row) => row.notes))];
  const letter = (note: string) => String.fromCodePoint(97 + notes.indexOf(note));
  const noteColumn: ColumnOf<PaperRowBeside> = {
    title: "Notes",
    isText: true,
    cell: (row) => row.notes.map(letter).join(", "),
  };
  return sheetOf<PaperRowBeside>(
    {
      id: idOf("paper", task, `table${table}`, model),
      caption:
        `${task} in table ${table} of the paper, for ${model}; ours is of ${own}: figures of ` +
        `different models, beside each other and no target. ${
          statistic === "median" ? "Medians" : "Means"
        } of seeds, ± standard deviation, in percent; and how far they lie from those of ${baseline}.`,
      notes: notes.map((note) => `${letter(note)}: ${note}`),
    },
    rows,
    [
      { title: "Method", isText: true, cell: ({ label }) => label },
      { title: "n", cell: ({ runs }) => `${runs}` },
      { title: "Ours", cell: ({ ours, sd }) => spreadText(ours, sd, digits) },
      { title: "From baseline", cell: ({ difference }) => signedText(difference, 2) },
      { title: "Paper", cell: ({ paper }) => spreadText(paper.value, paper.sd, digits) },
      { title: "From baseline", cell: ({ paperDifference }) => signedText(paperDifference, 2) },
      ...notes.length === 0 ? [] : [noteColumn],
    ],
  );
}
