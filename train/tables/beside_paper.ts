/**
 * The paper's figures beside those of a sweep: facts of other models, never a target.
 *
 * @module
 */

import { judgedByOf } from "../sweep/judged_by.ts";
import { median, sampleMean, sd } from "../statistics/summary.ts";
import { type ArmRuns, baselineOf, modelsOf } from "./arms.ts";
import { type PaperCell, type PaperTable, paperTables } from "./paper_figures.ts";
import { metricUnit } from "./units.ts";

/** A method's figure and the paper's; in the paper's unit: GLUE in percent, BLEU from 0 to 100. */
export interface PaperRowBeside {
  /** Method and what else tells the arm apart. */
  readonly label: string;
  /** Median of our seeds for tables 1, 4 and 5, mean for 2 and 3; NaN without a run. */
  readonly ours: number;
  /** Standard deviation of our seeds; NaN of fewer than two. */
  readonly sd: number;
  /** Runs of ours. */
  readonly runs: number;
  /** Ours minus our baseline's; NaN for the baseline. */
  readonly difference: number;
  /** The paper's cell. */
  readonly paper: PaperCell;
  /** The paper's minus its baseline's; NaN for the baseline. */
  readonly paperDifference: number;
  /** What is not sure of the paper's row or cell. */
  readonly notes: readonly string[];
}

/** A column of one of the paper's tables, and ours of the same task. */
export interface PaperBeside {
  /** Task. */
  readonly task: string;
  /** Number of the paper's table. */
  readonly table: PaperTable["table"];
  /** What the paper trained. */
  readonly model: string;
  /** What the sweep trained, as its settings name it; several where there are several. */
  readonly models: readonly string[];
  /** What the figures are: `median`, `mean`. */
  readonly statistic: "median" | "mean";
  /** Rows that both have. */
  readonly rows: readonly PaperRowBeside[];
}

/** Column of a table that holds what we judge a task of texts by. */
const textColumns: Readonly<Record<string, string>> = { e2e: "BLEU", webnlg: "BLEU, all" };

/** Structure that a method has where its name has none. */
const usualStructures: Readonly<Record<string, string>> = {
  hiddencut: "element",
  dropkey: "column",
  dropattention: "column",
};

/** The name in the paper's tables of a method: `dropkey` is `dropkey (column)` there. */
export function paperMethod(method: string): string {
  const structure = usualStructures[method];
  return structure === undefined ? method : `${method} (${structure})`;
}

/**
 * The columns of the paper's tables for the tasks that a sweep has, with the methods of both. Arms
 * in which more than the method varies are left out, and those that are judged by another metric than
 * the paper's.
 *
 * @param baseline Method of the baseline
 */
export function besidePaper(arms: readonly ArmRuns[], baseline: string): PaperBeside[] {
  const plain = arms.filter(({ varied, task, metric }) =>
    Object.keys(varied).length === 0 && metric === judgedByOf({ task }).metric
  );
  const columns = [...Map.groupBy(plain, ({ task }) => task)].flatMap(([task, own]) =>
    paperTables.flatMap((table) => {
      const column = table.task === undefined ? task : textColumns[task];
      if (column === undefined || (table.task ?? task) !== task) return [];
      const isMean = table.task !== undefined;
      const rows = own.flatMap((arm) =>
        rowBeside(arm, { baseline: baselineOf(arm, baseline, own), column, isMean, table }) ?? []
      );
      if (rows.length === 0) return [];
      return [{
        task,
        table: table.table,
        model: table.model,
        models: modelsOf(own),
        statistic: isMean ? "mean" as const : "median" as const,
        rows,
      }];
    })
  );
  return [...columns, ...averageBeside(plain, baseline)];
}

/** Averages of table 1, of methods that both have on all its tasks; ours are of the medians too. */
function averageBeside(arms: readonly ArmRuns[], baseline: string): PaperBeside[] {
  const table = paperTables[0]!;
  const tasks = Object.keys(table.rows[0]!.cells);
  const own = [...Map.groupBy(arms, ({ method }) => method)].flatMap(([method, all]) => {
    const row = table.rows.find((one) => one.method === paperMethod(method));
    const those = tasks.flatMap((task) => all.find((arm) => arm.task === task) ?? []);
    if (row === undefined || those.length < tasks.length) return [];
    const ours = sampleMean(those.map((arm) => centre(arm, false)));
    return [{ method, row, ours, those }];
  });
  if (own.length === 0) return [];
  const base = own.find(({ method }) => method === baseline);
  return [{
    task: `the average over ${tasks.join(", ")}`,
    table: table.table,
    model: table.model,
    models: modelsOf(own.flatMap(({ those }) => those)),
    statistic: "median",
    rows: own.map(({ method, row, ours, those }) => ({
      label: method,
      ours,
      sd: NaN,
      runs: those.reduce((sum, { figures }) => sum + figures.size, 0),
      difference: base === undefined || method === baseline ? NaN : ours - base.ours,
      paper: { value: row.average! },
      paperDifference: base === undefined || method === baseline
        ? NaN
        : row.average! - base.row.average!,
      notes: row.note === undefined ? [] : [row.note],
    })),
  }];
}

function rowBeside(
  arm: ArmRuns,
  { baseline, column, isMean, table }: {
    readonly baseline: ArmRuns | undefined;
    readonly column: string;
    readonly isMean: boolean;
    readonly table: PaperTable;
  },
): PaperRowBeside | undefined {
  const rowOf = (method: string) => table.rows.find((row) => row.method === paperMethod(method));
  const row = rowOf(arm.method);
  const cell = row?.cells[column];
  if (row === undefined || cell === undefined) return undefined;
  const isBaseline = arm.method === baseline?.method;
  const other = baseline && rowOf(baseline.method)?.cells[column];
  const ours = centre(arm, isMean);
  return {
    label: arm.label,
    ours,
    sd: metricUnit(arm.metric).factor * sd([...arm.figures.values()]),
    runs: arm.figures.size,
    difference: baseline === undefined || isBaseline ? NaN : ours - centre(baseline, isMean),
    paper: cell,
    paperDifference: other === undefined || isBaseline ? NaN : cell.value - other.value,
    notes: [row.note, cell.note].filter((note) => note !== undefined),
  };
}

function centre({ figures, metric }: ArmRuns, isMean: boolean): number {
  const values = [...figures.values()];
  if (values.length === 0) return NaN;
  const { factor } = metricUnit(metric);
  return factor * (isMean ? sampleMean : median)(values);
}
