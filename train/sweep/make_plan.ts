/**
 * From what is asked for to a plan: every run with all its settings.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { OptionError } from "../../core/errors.ts";
import { type GivenConfig, resolveConfig } from "../config/config.ts";
import { presetLayers, requirePresets } from "../config/presets.ts";
import {
  acts,
  type ArmPlan,
  combinations,
  reportRun,
  requireDifferent,
  tuneRuns,
  type Tuning,
  withSetting,
} from "./arms.ts";
import { checkRequest } from "./check_request.ts";
import { planHash, type SweepPlan } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import { type Grids, type SweepRequest, type SweepTask, usualGrid } from "./request.ts";

/** What a plan needs beside what is asked for. */
export interface PlanPlaces {
  /** The model, as `train` takes it. */
  readonly model: string;
  /** Its architecture, on which settings of the paper depend. */
  readonly architecture?: string | undefined;
  /** Folders of the tasks, by task. */
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Plans a sweep: the runs that choose settings first, then those that are reported, of each task a seed
 * of all arms after the other.
 *
 * @throws {OptionError} If something asked for does not fit, or two arms compute the same
 */
export async function makePlan(request: SweepRequest, places: PlanPlaces): Promise<SweepPlan> {
  const { name, tasks, methods, seeds = 10, tuneOn, tuneSeeds = 2, tune = [] } = request;
  checkRequest(request);
  const isTuned = tune.length > 0;
  const chosen = { tuneOn: isTuned ? tuneOn ?? "held-back" as const : undefined, tuneSeeds };
  const tried: PlannedRun[] = [];
  const reported: PlannedRun[] = [];
  for (const task of tasks) {
    const own: { arm: ArmPlan; tuning: Tuning; tried: readonly PlannedRun[] }[] = [];
    for (const arm of armsOfTask(request, task, places)) {
      const tuning = { ...chosen, grids: gridsOf(request, task, arm.settings) };
      own.push({ arm, tuning, tried: await tuneRuns(arm, tuning) });
    }
    tried.push(...own.flatMap(({ tried }) => tried));
    for (let seed = 1; seed <= seeds; seed++) {
      for (const { arm, tuning, tried } of own) {
        reported.push(await reportRun(arm, tuning, tried, seed));
      }
    }
  }
  const runs = [...tried, ...reported];
  requireDifferent(runs);
  const baseline = request.baseline ?? methods[0]!.name;
  const tuned = tunedOf(request);
  const head = { baseline, tuned };
  return {
    head: { name, plan: await planHash(head, runs), ...head, version: metadata.version },
    asked: { ...request, ...chosen, seeds, ...places },
    runs,
  };
}

/** Values to try for an arm: of options that do something there. */
function gridsOf(
  { tune = [], grids = {} }: SweepRequest,
  { task }: SweepTask,
  settings: GivenConfig,
): Grids {
  const rows = tune.map((name) => {
    const values = grids[name] ?? usualGrid(name, task);
    if (values === undefined || values.length === 0) {
      throw new OptionError(`Cannot tune ${name} as --grid ${name}=A,B,… is required: found none`);
    }
    return [name, [...new Set(values)].sort((a, b) => a - b)] as const;
  });
  return Object.fromEntries(rows.filter(([name]) => acts(name, settings)));
}

/** All values that are tried on any task, by option. */
function tunedOf(request: SweepRequest): Grids {
  const { tune = [], grids = {}, tasks } = request;
  return Object.fromEntries(tune.map((name) => {
    const values = tasks.flatMap(({ task }) => grids[name] ?? usualGrid(name, task) ?? []);
    return [name, [...new Set(values)].sort((a, b) => a - b)];
  }));
}

/** The arms of a task; options that do nothing there do not tell arms apart. */
function armsOfTask(request: SweepRequest, task: SweepTask, places: PlanPlaces): ArmPlan[] {
  const { methods, vary = {} } = request;
  const base = settingsOfTask(request, task, places);
  return methods.flatMap((method) => {
    const settings = { ...base, ...method.settings };
    const varied = Object.entries(vary).filter(([name]) => acts(name, settings));
    return combinations(Object.fromEntries(varied)).map((values) => {
      const own = Object.entries(values).reduce(
        (before, [name, value]) => withSetting(before, name, value),
        settings,
      );
      return {
        arm: { task: task.task, method: method.name, varied: values },
        settings: checked(own),
      };
    });
  });
}

/** What fits is kept as `train` reads it. */
function checked(settings: GivenConfig): GivenConfig {
  const config: GivenConfig = resolveConfig(settings);
  const names = Object.keys(settings) as (keyof GivenConfig)[];
  return Object.fromEntries(names.map((name) => [name, config[name]]));
}

/** Settings of a task's runs: presets < all runs < the task's own. */
function settingsOfTask(
  { presets = ["paper"], settings = {} }: SweepRequest,
  { task, settings: own }: SweepTask,
  { model, architecture, data }: PlanPlaces,
): GivenConfig {
  requirePresets(presets);
  const layers = presetLayers(presets, task, architecture).map(({ values }) => values);
  const usual: GivenConfig = { evalStart: false };
  return Object.assign({}, ...layers, usual, { task, model, data: data[task] }, settings, own);
}
