/**
 * What limits the conclusions from a table, in sentences.
 *
 * @module
 */

import { smallestP } from "../statistics/sign_flip.ts";
import type { ArmRuns } from "./arms.ts";
import { alpha, type Decided } from "./comparisons.ts";
import type { Tables } from "./contents.ts";
import { pText } from "./units.ts";

/** Fewest pairs of which the exact test of one comparison can come to 0.05: 2 ^ (1 - 6) = 0.031. */
export const fewestPairs = 6;

/**
 * The warnings of tables.
 *
 * @param alone Arms without a baseline to compare with
 */
export function warningsOf(
  tables: Omit<Tables, "warnings">,
  alone: readonly ArmRuns[],
): string[] {
  return [
    ...ofEvaluation(tables),
    ...ofRuns(tables),
    ...ofSources(tables),
    ...ofBaseline(tables, alone),
    ...ofPower(tables),
    ...ofTables(tables),
    ...ofTuning(tables),
    ...ofCosts(tables),
    ...ofAverages(tables),
  ];
}

const listed = (names: Iterable<string>) => [...new Set(names)].join(", ");
const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function ofEvaluation({ which, isStoppedEarly }: Omit<Tables, "warnings">): string[] {
  const best = "Figures are the best over the evaluations of each run, chosen on the data that " +
    "they are reported on: they are too favourable.";
  const early =
    "Runs end early by the evaluations that are reported (--early-stop): their figures " +
    "may be too favourable.";
  return [...which === "best" ? [best] : [], ...isStoppedEarly ? [early] : []];
}

/** Runs that have no figure, by what came of them. */
function ofRuns({ tasks }: Omit<Tables, "warnings">): string[] {
  const scores = tasks.flatMap((table) => table.scores);
  if (scores.length === 0) return ["No run whose figures are reported is among the results."];
  const sum = (name: "planned" | "failed" | "notFinite" | "unfinished") =>
    scores.reduce((total, score) => total + score[name], 0);
  const parts = [
    [sum("failed"), "failed"],
    [sum("notFinite"), "ended without a finite figure"],
    [sum("unfinished"), "did not end yet"],
  ] as const;
  const missing = parts.filter(([count]) => count > 0);
  if (missing.length === 0) return [];
  const arms = scores.filter(({ planned, n }) => n < planned);
  return [
    `Of ${plural(sum("planned"), "run")}, ${
      missing.map(([count, what]) => `${count} ${what}`).join(", ")
    } (${
      listed(arms.map(({ task, label }) => `${label} on ${task}`))
    }): the figures are of the others, which flatters methods whose runs fail.`,
  ];
}

function ofSources({ changed }: Omit<Tables, "warnings">): string[] {
  return changed.length === 0 ? [] : [
    `What runs are computed with changed between them: ${changed.join(", ")}. Differences may be ` +
    "of that.",
  ];
}

function ofBaseline({ tasks, baseline }: Omit<Tables, "warnings">, alone: readonly ArmRuns[]) {
  const warnings: string[] = [];
  if (alone.length > 0) {
    warnings.push(
      `No run of the baseline ${baseline} fits ${
        listed(alone.map(({ task, label }) => `${label} on ${task}`))
      }: nothing is compared there.`,
    );
  }
  const unpaired = tasks.flatMap((table) => table.comparisons).filter((one) => one.unpaired > 0);
  if (unpaired.length > 0) {
    warnings.push(
      `Seeds that only one side has a figure of are left out of the paired differences: ${
        listed(unpaired.map(({ task, label, unpaired: n }) => `${n} of ${label} on ${task}`))
      }.`,
    );
  }
  return warnings;
}

/** A table of differences: a task's, or that of averages. */
interface Family {
  readonly name: string;
  readonly rows: readonly (Decided & { readonly label: string })[];
}

function familiesOf({ tasks, averages }: Omit<Tables, "warnings">): Family[] {
  return [
    ...tasks.map(({ task, comparisons }) => ({ name: task as string, rows: comparisons })),
    ...averages.map(({ rows }) => ({
      name: "averages",
      rows: rows.flatMap(({ label, comparison }) => comparison ? [{ label, ...comparison }] : []),
    })),
  ].filter(({ rows }) => rows.length > 0);
}

/** Comparisons in which nothing can be found, whatever the figures; the same of several tables once. */
function ofPower(tables: Omit<Tables, "warnings">): string[] {
  const limits = familiesOf(tables).flatMap(({ name, rows }) =>
    [...ofPairs(rows), ...ofAdjustment(rows)].map((limit) => ({ name, limit }))
  );
  return [...Map.groupBy(limits, ({ limit }) => limit)].map(([limit, own]) =>
    `On ${listed(own.map(({ name }) => name))}, ${limit}`
  );
}

function ofPairs(rows: Family["rows"]): string[] {
  const few = rows.filter(({ n }) => n < fewestPairs);
  return [...Map.groupBy(few, ({ n }) => n)].map(([pairs, own]) =>
    `${listed(own.map(({ label }) => label))} ${own.length === 1 ? "has" : "have"} ` +
    `${plural(pairs, "pair")} with the baseline: ` +
    (pairs < 2
      ? "nothing can be tested."
      : `the exact paired test cannot come below p = ${
        pText(smallestP(pairs))
      }, so it cannot reach ` +
        `${alpha}; ${fewestPairs} are needed at least.`)
  );
}

function ofAdjustment(rows: Family["rows"]): string[] {
  const tested = rows.filter(({ p }) => !Number.isNaN(p));
  const pairs = Math.max(0, ...tested.map(({ n }) => n));
  const least = tested.length * Math.min(1, ...tested.map((one) => one.smallestP));
  if (pairs < fewestPairs || least <= alpha) return [];
  return [
    `${tested.length} comparisons share a level of ${alpha}: with ${pairs} pairs even a win on every ` +
    `seed comes to p = ${
      pText(Math.min(1, least))
    } after Holm's adjustment, so nothing can be decided.`,
  ];
}

/** What several tables that each have a level of their own come to. */
function ofTables(tables: Omit<Tables, "warnings">): string[] {
  const decided = familiesOf(tables).filter(({ rows }) => rows.some(({ p }) => !Number.isNaN(p)));
  if (decided.length < 2) return [];
  const most = Math.min(1, decided.length * alpha).toFixed(2);
  return [
    `Each of the ${decided.length} tables of differences has a level of ${alpha} for itself: that ` +
    `any of them claims what is not there has a probability of up to ${most}. The column "Holm p, ` +
    `all tasks" counts the methods of all tasks together.`,
  ];
}

function ofTuning({ head, tuning }: Omit<Tables, "warnings">): string[] {
  const isTuned = (head.tuned["lr"]?.length ?? 0) > 1;
  const atEdge = tuning.flatMap(({ task, label, chosen }) =>
    chosen.filter(({ isAtEdge }) => isAtEdge)
      .map(({ option, value }) => `${option} ${value} of ${label} on ${task}`)
  );
  const mixed = tuning.flatMap(({ task, label, chosen }) =>
    [...Map.groupBy(chosen, ({ option }) => option)].filter(([, own]) => own.length > 1)
      .map(([option, own]) =>
        `${option} ${own.map(({ value }) => value).join(" and ")} of ${label} on ${task}`
      )
  );
  const without = tuning.filter(({ tried }) => tried.some((one) => one.without > 0));
  return [
    ...isTuned ? [] : [
      "Learning rates were not tuned for each method: a difference may be one of how well the " +
      "common rate suits a method.",
    ],
    ...without.length === 0 ? [] : [
      `Settings were chosen while runs that try some of them have no figure: ${
        listed(without.map(({ task, label }) => `${label} on ${task}`))
      }.`,
    ],
    ...mixed.length === 0 ? [] : [
      "Runs of an arm were made with different choices, as a run that chooses was tried again " +
      `between them, so their figures are of no one setting: ${listed(mixed)}.`,
    ],
    ...atEdge.length === 0 ? [] : [
      `Settings that were chosen lie at the edge of those tried, so a better one may lie beyond: ${
        listed(atEdge)
      }.`,
    ],
  ];
}

function ofCosts({ costs }: Omit<Tables, "warnings">): string[] {
  const backends = new Set(costs.flatMap((cost) => cost.backends));
  return backends.size < 2
    ? []
    : [`Runs went on several backends (${listed(backends)}): their times are not comparable.`];
}

function ofAverages({ averages }: Omit<Tables, "warnings">): string[] {
  return averages.flatMap(({ rows }) => {
    const missing = rows.filter((row) => row.missing.length > 0);
    if (missing.length === 0) return [];
    const each = missing.map((row) => `${row.label} (no ${row.missing.join(", ")})`);
    return [`Methods that lack a task have no average: ${listed(each)}.`];
  });
}
