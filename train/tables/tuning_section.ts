/**
 * What tuning tried and chose, as tables.
 *
 * @module
 */

import { type ColumnOf, type Section, sheetOf } from "./sheets.ts";
import type { ArmTuning } from "./tuning.ts";
import { fixedText, metricUnit } from "./units.ts";

/** The section of what was tuned. */
export function tuningSection(tuning: readonly ArmTuning[]): Section {
  const chosen = sheetOf<ArmTuning>(
    {
      id: "tuning-chosen",
      caption:
        "Settings with the best mean of the last evaluation among those tried, with which the " +
        "reported runs were done. An asterisk marks the least or greatest value that was tried: a " +
        "better one may lie beyond.",
    },
    tuning,
    [
      ...armColumns,
      { title: "Settings tried", cell: ({ tried }) => `${tried.length}` },
      {
        title: "Runs",
        cell: ({ tried }) => `${tried.reduce((sum, one) => sum + one.runs + one.without, 0)}`,
      },
      {
        title: "Without a figure",
        cell: ({ tried }) => `${tried.reduce((sum, one) => sum + one.without, 0)}`,
      },
      { title: "Chosen", isText: true, cell: chosenText },
    ],
  );
  const counts = triedCounts(Math.max(...tuning.map(({ expected }) => expected.length)));
  const expected = sheetOf<ArmTuning>(
    {
      id: "tuning-expected",
      caption: "Expected validation score of the best of k settings, drawn from those that were " +
        "tried (Dodge et al. 2019): what a smaller budget would have come to.",
    },
    tuning,
    [
      ...armColumns,
      ...counts.map((count): ColumnOf<ArmTuning> => ({
        title: `k = ${count}`,
        cell: ({ expected, metric }) => {
          const { factor, most } = metricUnit(metric);
          return fixedText(expected[count - 1], most, factor);
        },
      })),
    ],
  );
  return {
    id: "tuning",
    title: "Tuning",
    sheets: counts.length === 0 ? [chosen] : [chosen, expected],
  };
}

const armColumns: readonly ColumnOf<ArmTuning>[] = [
  { title: "Task", isText: true, cell: ({ task }) => task },
  { title: "Method", isText: true, cell: ({ label }) => label },
];

function chosenText({ chosen }: ArmTuning): string {
  if (chosen.length === 0) return "–";
  return chosen.map(({ option, value, isAtEdge }) => `${option} ${value}${isAtEdge ? "*" : ""}`)
    .join(", ");
}

/** Numbers of settings that are shown: powers of two, and all. */
function triedCounts(most: number): number[] {
  if (!(most >= 1)) return [];
  const powers = Array.from({ length: Math.ceil(Math.log2(most)) }, (_, i) => 2 ** i);
  return [...powers, most];
}
