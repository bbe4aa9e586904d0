/**
 * The p-values of the paper's table 8 beside ours.
 *
 * @module
 */

import { isGlue } from "../data/glue_tasks.ts";
import { judgedByOf } from "../sweep/judged_by.ts";
import type { AverageTable } from "./averages.ts";
import { paperMethod } from "./beside_paper.ts";
import type { ArmComparison } from "./comparisons.ts";
import { paperPValues } from "./paper_figures.ts";

/** A p-value of HiddenKey against another method. */
export interface PaperTest {
  /** What the paper trained. */
  readonly model: string;
  /** On which tasks. */
  readonly tasks: "glue" | "e2e";
  /** The other method. */
  readonly method: string;
  /** The paper's p-value; of which test it does not say. */
  readonly p: number;
  /** Ours, of the paired test before Holm's adjustment; NaN where the two were not compared. */
  readonly ours: number;
}

/** A method against the baseline. */
type Tested = Pick<ArmComparison, "method" | "varied" | "p">;

/**
 * The p-values of table 8 for the tasks that a sweep has; ours are by the averages over the tasks, or by
 * the task where there is one.
 *
 * @param baseline Method of the baseline
 */
export function paperTests(
  comparisons: readonly ArmComparison[],
  averages: readonly AverageTable[],
  baseline: string,
): PaperTest[] {
  const own = comparisons.filter(({ task, metric }) => metric === judgedByOf({ task }).metric);
  const ofGlue = own.filter(({ task }) => isGlue(task));
  const average = averages.find(({ tasks, metrics }) =>
    tasks.every((task, i) => isGlue(task) && metrics[i] === judgedByOf({ task }).metric)
  );
  const tables = {
    glue:
      average?.rows.flatMap(({ comparison, ...row }) =>
        comparison === undefined ? [] : [{ ...row, p: comparison.p }]
      ) ?? ofGlue,
    e2e: own.filter(({ task }) => task === "e2e"),
  };
  return paperPValues.flatMap(({ model, tasks, against }) =>
    tables[tasks].length === 0 ? [] : Object.entries(against).map(([method, p]) => ({
      model,
      tasks,
      method,
      p,
      ours: pOf(tables[tasks], method, baseline),
    }))
  );
}

/** Our p-value of HiddenKey against a method. */
function pOf(rows: readonly Tested[], method: string, baseline: string): number {
  const find = (name: string) =>
    rows.find((row) => paperMethod(row.method) === name && Object.keys(row.varied).length === 0);
  if (baseline === "hiddenkey") return find(method)?.p ?? NaN;
  return paperMethod(baseline) === method ? find("hiddenkey")?.p ?? NaN : NaN;
}
