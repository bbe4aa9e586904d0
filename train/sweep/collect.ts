/**
 * What came of a sweep: a line for every run that was planned, those that failed or are left too.
 *
 * @module
 */

import { resolveConfig } from "../config/config.ts";
import { exists, writeFileAtomic } from "../files/files.ts";
import { type MetricLine, readMetrics } from "../report/run_record.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { judgedByOf } from "./judged_by.ts";
import { folderOfRun } from "./plan_folder.ts";
import type { SweepHead, SweepResult } from "./sweep_result.ts";
import { type RunState, SweepState } from "./sweep_state.ts";

/** What came of a sweep. */
export interface Collected {
  /** Of which plan. */
  readonly head: SweepHead;
  /** A result for every run that was planned, in the order of the plan. */
  readonly results: readonly SweepResult[];
}

/** What is collected. */
export interface CollectOptions {
  /** Whether losses and evaluations of all steps are; default false. */
  readonly courses?: boolean;
}

/**
 * Collects what came of the runs of a sweep so far; nothing is written.
 *
 * @param folder Folder of the sweep
 * @throws {FileError} If it has no plan, or one of its files is malformed
 */
export async function collect(
  folder: string,
  { courses = false }: CollectOptions = {},
): Promise<Collected> {
  const sweep = await SweepState.open(folder);
  const results: SweepResult[] = [];
  for (const state of await sweep.states()) {
    const result = resultOf(state);
    const withCourse = courses && state.status === "done";
    results.push(withCourse ? { ...result, course: await courseOf(folder, state.run.id) } : result);
  }
  return { head: sweep.plan.head, results };
}

/**
 * Writes what was collected as JSON lines, the head first. Figures that JSON has no number for are null.
 *
 * @throws {FileError} If the system refuses
 */
export async function writeResults(path: string, { head, results }: Collected): Promise<void> {
  const lines = [head, ...results].map((value) => `${JSON.stringify(value)}\n`);
  await writeFileAtomic(path, lines.join(""));
}

function resultOf({ run, status, outcome, choice }: RunState): SweepResult {
  const { id, stage, arm, seed } = run;
  const settings = { ...run.settings, ...choice?.point };
  const { last = {}, best = {}, seconds, peakBytes, backend, sources, error } = outcome ?? {};
  const told = error ?? impossible(choice);
  return {
    id,
    stage,
    arm,
    seed,
    status,
    settings: outcome?.settings ?? withoutFolder(resolveConfig(settings)),
    ...judgedByOf(settings),
    last,
    best,
    ...(seconds !== undefined && { seconds }),
    ...(peakBytes !== undefined && { peakBytes }),
    ...(backend !== undefined && { backend }),
    ...(sources !== undefined && { sources }),
    ...(told !== undefined && { error: told }),
  };
}

/** Why a run can never begin; undefined where it may. */
function impossible(choice: RunState["choice"]): string | undefined {
  if (choice === undefined || choice.open > 0 || choice.point !== undefined) return undefined;
  return "Cannot choose settings as a point without a failed run is required: found none";
}

/** Settings of a run without the folder it writes in. */
export function withoutFolder(config: object): JsonObject {
  const { out: _, ...settings }: JsonObject = isRecord(config) ? config : {};
  return settings;
}

/** Losses of steps and figures of evaluations, which are named `eval_…`, in their order. */
async function courseOf(folder: string, id: string): Promise<readonly MetricLine[]> {
  const run = `${folderOfRun(folder, id)}/run`;
  return await exists(run) ? (await readMetrics(run)).map(shownOf) : [];
}

const shown = ["step", "epoch", "loss", "task_loss", "compensation"];

function shownOf(line: MetricLine): MetricLine {
  return Object.fromEntries(
    Object.entries(line).filter(([name]) => shown.includes(name) || name.startsWith("eval_")),
  );
}
