/**
 * Everything that the tables of a sweep hold, as data.
 *
 * @module
 */

import type { SweepHead } from "../sweep/sweep_result.ts";
import type { EvaluationName } from "./arms.ts";
import type { AverageTable } from "./averages.ts";
import type { PaperBeside } from "./beside_paper.ts";
import type { ArmComparison } from "./comparisons.ts";
import type { ArmCost } from "./costs.ts";
import type { CourseTable } from "./courses.ts";
import type { ExamplesUsed } from "./examples_used.ts";
import type { PaperTest } from "./paper_tests.ts";
import type { ArmScore } from "./scores.ts";
import type { ArmTuning } from "./tuning.ts";

/** The arms of a task. */
export interface TaskTable {
  /** Task. */
  readonly task: string;
  /** Metric that it is judged by. */
  readonly metric: string;
  /** Whether larger values of it are better. */
  readonly isHigherBetter: boolean;
  /** What each arm comes to. */
  readonly scores: readonly ArmScore[];
  /** Arms against the baseline; none where it has no run of the task. */
  readonly comparisons: readonly ArmComparison[];
}

/** Everything that is known. */
export interface Tables {
  /** Of which plan. */
  readonly head: SweepHead;
  /** What was trained, as settings name it; of a folder the last name. */
  readonly models: readonly string[];
  /** Which evaluation of a run counts. */
  readonly which: EvaluationName;
  /** Method that the others are compared with. */
  readonly baseline: string;
  /** On which examples runs were trained and judged. */
  readonly examples: ExamplesUsed;
  /** Whether runs ended by the evaluations that are reported. */
  readonly isStoppedEarly: boolean;
  /** Weights, data and versions that changed between runs, a clause each. */
  readonly changed: readonly string[];
  /** What limits the conclusions, a sentence each. */
  readonly warnings: readonly string[];
  /** A table a task. */
  readonly tasks: readonly TaskTable[];
  /** Averages over tasks. */
  readonly averages: readonly AverageTable[];
  /** What tuning tried and chose. */
  readonly tuning: readonly ArmTuning[];
  /** What runs cost. */
  readonly costs: readonly ArmCost[];
  /** How training went; none where results have no courses. */
  readonly courses: readonly CourseTable[];
  /** The paper's figures beside ours. */
  readonly paper: readonly PaperBeside[];
  /** The paper's p-values beside ours. */
  readonly paperTests: readonly PaperTest[];
}
