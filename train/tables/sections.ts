/**
 * The sections of all formats for people: tasks, averages, tuning, costs, and the paper's figures.
 *
 * @module
 */

import { durationText } from "../report/figures.ts";
import type { Interval } from "../statistics/bootstrap.ts";
import type { RunCounts } from "./arms.ts";
import type { Average, AverageTable } from "./averages.ts";
import { alpha, type ArmComparison, type Decided } from "./comparisons.ts";
import type { ArmCost } from "./costs.ts";
import type { ArmScore } from "./scores.ts";
import { type ColumnOf, idOf, type Section, type Sheet, sheetOf } from "./sheets.ts";
import type { Tables, TaskTable } from "./contents.ts";
import { paperSection } from "./paper_section.ts";
import { tuningSection } from "./tuning_section.ts";
import {
  decimalsOf,
  fixedText,
  metricUnit,
  pText,
  signedText,
  spreadText,
  type Unit,
} from "./units.ts";

/** All sections that have something to show. */
export function sectionsOf(tables: Tables): Section[] {
  const { tasks, averages, tuning, costs, paper } = tables;
  return [
    ...tasks.map((table) => taskSection(table, tables)),
    ...averages.map((table, i) => averageSection(table, i, tables.baseline)),
    ...tuning.length === 0 ? [] : [tuningSection(tuning)],
    ...costs.length === 0 ? [] : [costSection(costs, tables.baseline)],
    ...paper.length === 0 ? [] : [paperSection(tables)],
  ];
}

function taskSection(table: TaskTable, { tasks, baseline }: Tables): Section {
  const { task, metric, scores, comparisons } = table;
  const unit = metricUnit(metric);
  const decimals = decimalsOf(scores.map(({ interval }) => halfOf(interval)), unit);
  const better = new Set(
    comparisons.filter(({ verdict }) => verdict === "better").map(({ label }) => label),
  );
  const id = idOf("task", task);
  const scored = sheetOf<ArmScore>(
    { id: `${id}-scores`, caption: scoreCaption(table, unit) },
    scores,
    scoreColumns(unit, decimals, better),
  );
  // Of one task it would repeat what stands beside it.
  const overAll: ColumnOf<ArmComparison>[] = tasks.length < 2 ? [] : [{
    title: "Holm p, all tasks",
    cell: ({ adjustedOverAll }) => pText(adjustedOverAll),
  }];
  const compared = comparisons.some(({ n }) => n > 0)
    ? [
      differenceSheet(
        { id: `${id}-differences`, name: task, baseline, unit },
        comparisons,
        overAll,
      ),
    ]
    : [];
  return { id, title: task, sheets: [scored, ...compared] };
}

function scoreCaption({ task, isHigherBetter }: TaskTable, { words }: Unit): string {
  return `${task}: ${words}, ${isHigherBetter ? "more" : "less"} is better. Mean ± standard ` +
    "deviation over n seeds, 95 % BCa bootstrap interval of the mean (of few seeds it is somewhat " +
    "too narrow), median, and interquartile mean (IQM).";
}

function scoreColumns(
  { factor }: Unit,
  decimals: number,
  better: ReadonlySet<string>,
): ColumnOf<ArmScore>[] {
  const text = (value: number) => fixedText(value, decimals, factor);
  return [
    {
      title: "Method",
      isText: true,
      cell: ({ label }) => ({ text: label, strong: better.has(label) }),
    },
    { title: "n", cell: runsText },
    { title: "Mean ± SD", cell: ({ mean, sd }) => spreadText(mean, sd, { factor, decimals }) },
    { title: "95 % interval", cell: ({ interval }) => intervalText(interval, text) },
    { title: "Median", cell: ({ median }) => text(median) },
    { title: "IQM", cell: (score) => text(score.interquartileMean) },
  ];
}

/** How many runs have a figure, and what came of the others. */
export function runsText(
  { n, planned, failed, notFinite, unfinished }: RunCounts & { readonly n: number },
): string {
  const parts = [
    [failed, "failed"],
    [notFinite, "not finite"],
    [unfinished, "unfinished"],
  ] as const;
  const others = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return others.length === 0 ? `${n}` : `${n} of ${planned} (${others.join(", ")})`;
}

function intervalText({ low, high }: Interval, text: (value: number) => string): string {
  return Number.isNaN(low) ? "–" : `${text(low)} to ${text(high)}`;
}

function halfOf({ low, high }: Interval): number {
  return (high - low) / 2;
}

/** What a sheet of paired differences is of. */
interface DifferenceHead {
  readonly id: string;
  /** What is compared: a task, or an average. */
  readonly name: string;
  readonly baseline: string;
  readonly unit: Unit;
}

function differenceCaption({ name, baseline, unit }: DifferenceHead, tested: number): string {
  const units = unit.name === "percent" ? "points (× 100)" : unit.words;
  return `${name}: difference to ${baseline} on the same seeds, ${units}. Mean, 95 % BCa interval, p of ` +
    `the two-sided sign-flip test, and Holm's adjustment over the ${
      tested === 1 ? "one comparison" : `${tested} comparisons`
    } of this ` +
    `table, by which the verdict goes (p ≤ ${alpha}). P(better): probability that a run beats one ` +
    "of the baseline. Seeds: how many a difference of this size would need to be found in 80 % of " +
    "cases, a lower estimate.";
}

/** The sheet of paired differences, with further columns before the verdict. */
function differenceSheet<T extends Decided & { readonly label: string }>(
  head: DifferenceHead,
  rows: readonly T[],
  more: readonly ColumnOf<T>[] = [],
): Sheet {
  const { id, unit } = head;
  const { factor } = unit;
  const decimals = decimalsOf(rows.map(({ interval }) => halfOf(interval)), unit);
  const signed = (value: number) => signedText(value, decimals, factor);
  const share = (value: number) => fixedText(value, 2);
  const isStrong = ({ verdict }: T) => verdict === "better";
  const tested = rows.filter(({ p }) => !Number.isNaN(p)).length;
  return sheetOf<T>(
    { id, caption: differenceCaption(head, tested) },
    rows,
    [
      {
        title: "Method",
        isText: true,
        cell: (row) => ({ text: row.label, strong: isStrong(row) }),
      },
      { title: "Pairs", cell: ({ n }) => `${n}` },
      {
        title: "Difference",
        cell: (row) => ({ text: signed(row.difference), strong: isStrong(row) }),
      },
      { title: "95 % interval", cell: ({ interval }) => intervalText(interval, signed) },
      { title: "p", cell: ({ p }) => pText(p) },
      { title: "Holm p", cell: ({ adjusted }) => pText(adjusted) },
      ...more,
      {
        title: "P(better)",
        cell: ({ improvement: { value, interval } }) =>
          Number.isNaN(interval.low)
            ? share(value)
            : `${share(value)} (${intervalText(interval, share)})`,
      },
      {
        title: "Seeds",
        cell: (row) => row.seedsNeeded === undefined ? "–" : seedsText(row.seedsNeeded),
      },
      {
        title: "Verdict",
        isText: true,
        cell: (row) => ({ text: row.verdict, strong: isStrong(row) }),
      },
    ],
  );
}

/** A number of seeds; beyond any budget it is not worth its digits. */
function seedsText(seeds: number): string {
  return seeds > 9999 ? "> 9999" : `${seeds}`;
}

function averageSection(
  { tasks, metrics, isHigherBetter, rows }: AverageTable,
  index: number,
  baseline: string,
): Section {
  const unit = metricUnit(metrics[0]!);
  const decimals = decimalsOf(rows.map(({ interval }) => halfOf(interval)), unit);
  const text = (value: number) => fixedText(value, decimals, unit.factor);
  const id = index === 0 ? "averages" : `averages-${index + 1}`;
  const title = `Average over ${tasks.length} tasks`;
  const over = tasks.map((task, i) => `${task} (${metrics[i]})`).join(", ");
  const isStrong = ({ comparison }: Average) => comparison?.verdict === "better";
  const scored = sheetOf<Average>(
    {
      id: `${id}-scores`,
      caption: `Mean of the means over ${over}${unit.name === "percent" ? ", × 100" : ""}; ` +
        `${
          isHigherBetter ? "more" : "less"
        } is better. 95 % interval by the stratified bootstrap: ` +
        "runs are drawn within each task.",
    },
    rows,
    [
      {
        title: "Method",
        isText: true,
        cell: (row) => ({ text: row.label, strong: isStrong(row) }),
      },
      { title: "Runs", cell: ({ runs }) => `${runs}` },
      { title: "Average", cell: ({ mean }) => text(mean) },
      { title: "95 % interval", cell: ({ interval }) => intervalText(interval, text) },
    ],
  );
  const compared = rows.flatMap(({ label, comparison }) =>
    comparison === undefined ? [] : [{ label, ...comparison }]
  );
  const sheets = compared.length === 0
    ? [scored]
    : [scored, differenceSheet({ id: `${id}-differences`, name: title, baseline, unit }, compared)];
  return { id, title, sheets };
}

function costSection(costs: readonly ArmCost[], baseline: string): Section {
  const times = (value: number) => Number.isNaN(value) ? "–" : `${value.toFixed(2)} ×`;
  const sheet = sheetOf<ArmCost>(
    {
      id: "cost-table",
      caption: `Median wall time of a run with its evaluations, and median of its most bytes of ` +
        `tensors at once; each also as a multiple of ${baseline} on the same task.`,
    },
    costs,
    [
      { title: "Task", isText: true, cell: ({ task }) => task },
      { title: "Method", isText: true, cell: ({ label }) => label },
      { title: "Runs", cell: ({ runs }) => `${runs}` },
      {
        title: "Time",
        cell: ({ seconds }) => Number.isNaN(seconds) ? "–" : durationText(seconds),
      },
      { title: "Relative", cell: ({ relativeSeconds }) => times(relativeSeconds) },
      {
        title: "Peak, MB",
        cell: ({ peakBytes }) => fixedText(peakBytes, peakBytes < 1e7 ? 1 : 0, 1e-6),
      },
      { title: "Relative", cell: ({ relativePeakBytes }) => times(relativePeakBytes) },
    ],
  );
  return { id: "cost", title: "Cost", sheets: [sheet] };
}
