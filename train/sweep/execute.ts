/**
 * One run of a sweep in its folder: begun, or gone on with where it was killed.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { NumericError, TrainingError } from "../../core/errors.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../config/config.ts";
import { exists } from "../files/files.ts";
import { removeLeftovers } from "../files/folder.ts";
import { readMetrics } from "../report/run_record.ts";
import { configOf } from "../run/open_run.ts";
import { findResumed, indifferentSettings } from "../run/resume.ts";
import { readRun } from "../run/run_folder.ts";
import { train, type TrainHooks, type TrainResult } from "../train.ts";
import type { GridPoint } from "./choice.ts";
import { withoutFolder } from "./collect.ts";
import { type Outcome, writeOutcome } from "./outcome.ts";
import { folderOfRun } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import { sourcesOf, weightsOfRun } from "./run_sources.ts";
import {
  appendStart,
  readStarts,
  requireSameWeights,
  type RunStart,
  secondsBefore,
} from "./starts.ts";

/** A run that is to be made. */
export interface Execution {
  /** Folder of the sweep. */
  readonly folder: string;
  /** The run, whose folder this process holds. */
  readonly run: PlannedRun;
  /** Settings that were chosen for it. */
  readonly point?: GridPoint | undefined;
  /** Settings of the machine, which hold against the run's. */
  readonly device?: GivenConfig | undefined;
}

/** Folder that `train` writes in. */
export function trainFolder(folder: string, id: string): string {
  return `${folderOfRun(folder, id)}/run`;
}

/**
 * Makes a run, or goes on with it, and writes what came of it. A run whose numbers are not finite has
 * failed.
 *
 * @returns Undefined where the signal of the hooks ended it: it is left to go on
 * @throws {OptionError | FileError | DownloadError | DeviceError} If it cannot be made here: it is left
 */
export async function execute(
  { folder, run, point, device }: Execution,
  hooks: TrainHooks = {},
): Promise<Outcome | undefined> {
  const out = trainFolder(folder, run.id);
  const isBegun = await exists(`${out}/run.json`);
  const before = isBegun ? await settingsBegun(out) : {};
  const config = resolveConfig(before, { ...run.settings, ...point, ...device, out });
  await removeLeftovers(folderOfRun(folder, run.id));
  const weights = await weightsOfRun(config);
  const starts = await readStarts(folder, run.id);
  if (isBegun) requireSameWeights(starts, weights, out);
  const start: RunStart = {
    at: new Date().toISOString(),
    pid: Deno.pid,
    goesOn: isBegun,
    step: isBegun ? await stepsKept(out) : 0,
    ...(weights !== undefined && { weights }),
  };
  await appendStart(folder, run.id, start);
  const started = performance.now();
  const outcome = await attempted(config, { ...hooks, ...(isBegun && { resume: out }) });
  if (outcome === undefined) return undefined;
  const lines = await exists(out) ? await readMetrics(out) : [];
  const here = (performance.now() - started) / 1000;
  const sources = sourcesOf({ ...outcome.sources, weights, version: metadata.version });
  const whole = {
    ...outcome,
    ...(sources && { sources }),
    seconds: secondsBefore(lines, [...starts, start]) + here,
  };
  await writeOutcome(folder, run.id, whole);
  return whole;
}

/** Settings that a run began with: what it was not given may have had another default then. */
async function settingsBegun(out: string): Promise<GivenConfig> {
  const settings = Object.entries(configOf(out, await readRun(out)));
  const machine: readonly string[] = indifferentSettings;
  return Object.fromEntries(settings.filter(([name]) => !machine.includes(name)));
}

/** Steps of a run that need not be made again: of one that is over all, else those of its checkpoint. */
async function stepsKept(out: string): Promise<number> {
  const { isFinished, saved: { result }, step } = await findResumed(out);
  const last = result?.["step"];
  return isFinished && typeof last === "number" ? last : step;
}

/** What comes of training, without its time; undefined where it was stopped. */
async function attempted(
  config: TrainConfig,
  hooks: TrainHooks,
): Promise<Omit<Outcome, "seconds"> | undefined> {
  try {
    let peakBytes: number | undefined;
    const onMemory = (bytes: number) => peakBytes = bytes;
    const result = await train(config, { ...hooks, onMemory });
    return result.aborted ? undefined : await outcomeOf(config, result, peakBytes);
  } catch (error) {
    if (!(error instanceof TrainingError || error instanceof NumericError)) throw error;
    const settings = withoutFolder(config);
    return { status: "failed", settings, last: {}, best: {}, error: error.message };
  }
}

async function outcomeOf(
  { out }: TrainConfig,
  { metrics, best }: TrainResult,
  peakBytes: number | undefined,
): Promise<Omit<Outcome, "seconds">> {
  const { config, json } = await readRun(out!);
  const { backend } = json;
  const sources = sourcesOf(json);
  return {
    status: "done",
    settings: withoutFolder(config),
    last: metrics,
    best: best?.metrics ?? {},
    ...(peakBytes !== undefined && { peakBytes }),
    ...(typeof backend === "string" && { backend }),
    ...(sources && { sources }),
  };
}
