/**
 * From what is asked for to a plan for models and data that are there.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { TaskName } from "../config/train_options.ts";
import { glueTasks, isGlue } from "../data/glue_tasks.ts";
import { isFolder } from "../files/files.ts";
import type { DownloadHooks } from "../hub/download.ts";
import { resolveModel } from "../hub/resolve_model.ts";
import { readConfig } from "../run/load_model.ts";
import { budgetOf, type StageBudget } from "./budget.ts";
import { makePlan } from "./make_plan.ts";
import type { SweepPlan } from "./plan_folder.ts";
import type { SweepRequest } from "./request.ts";

/** A plan and its cost. */
export interface OpenedSweep {
  /** What is to be run. */
  readonly plan: SweepPlan;
  /** Runs and steps, by stage. */
  readonly budget: readonly StageBudget[];
}

/**
 * Plans what is asked for; model and data are looked at, nothing is written but what a download fetches.
 *
 * @throws {OptionError | FileError | DownloadError} If something is missing or does not fit
 */
export async function openSweep(
  request: SweepRequest,
  hooks: DownloadHooks = {},
): Promise<OpenedSweep> {
  const { model, data, tasks } = request;
  if (model === undefined) throw new OptionError("Cannot plan without --model: it is required");
  const base = await resolveModel(model, "model", hooks);
  const { architecture, labelNames } = await readConfig(base.directory);
  const folders: Record<string, string> = {};
  for (const { task, settings } of tasks) {
    folders[task] = settings.data ?? await folderOfTask(task, data);
  }
  const plan = await makePlan(request, { model: base.name, architecture, data: folders });
  return { plan, budget: await budgetOf(plan.runs, labelNames) };
}

/** Folder of a task's data: named as the benchmark prints it, or as `--task` does. */
async function folderOfTask(task: TaskName, data: string | undefined): Promise<string> {
  if (data === undefined) throw new OptionError("Cannot plan without --data: it is required");
  const names = isGlue(task) ? [glueTasks[task].title, task] : [task];
  for (const name of names) {
    if (await isFolder(`${data}/${name}`)) return `${data}/${name}`;
  }
  throw new FileError(
    `Cannot find the data of ${task} as a folder ${names.join(" or ")} is required: found none`,
    data,
  );
}
