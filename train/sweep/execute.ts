/**
 * One run of a sweep in its folder: begun, or gone on with where it was killed.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { FileError, NumericError, TrainingError } from "../../core/errors.ts";
import { type GivenConfig, resolveConfig, type TrainConfig } from "../config/config.ts";
import { exists, readText } from "../files/files.ts";
import { appendText, removeLeftovers } from "../files/folder.ts";
import { type MetricLine, readMetrics, secondsOf } from "../report/run_record.ts";
import { readRun } from "../run/run_folder.ts";
import { train, type TrainHooks, type TrainResult } from "../train.ts";
import type { GridPoint } from "./choice.ts";
import { withoutFolder } from "./collect.ts";
import { type Outcome, writeOutcome } from "./outcome.ts";
import { folderOfRun } from "./plan_folder.ts";
import type { PlannedRun } from "./planned_run.ts";
import { sourcesOf, weightsOfRun } from "./run_sources.ts";
import { isRecord } from "../../nn/formats/json_record.ts";

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

/** File of a run that has a line for each time that a process began it or went on with it. */
export function startsFile(folder: string, id: string): string {
  return `${folderOfRun(folder, id)}/starts.jsonl`;
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
  const config = resolveConfig({ ...run.settings, ...point, ...device, out });
  const isBegun = await exists(`${out}/run.json`);
  await removeLeftovers(folderOfRun(folder, run.id));
  const weights = await weightsOfRun(config);
  if (isBegun) await requireSameWeights(startsFile(folder, run.id), weights);
  const start = { at: new Date().toISOString(), pid: Deno.pid, goesOn: isBegun, weights };
  await appendText(startsFile(folder, run.id), `${JSON.stringify(start)}\n`);
  const started = performance.now();
  let steps = 0;
  const outcome = await attempted(config, {
    ...hooks,
    ...(isBegun && { resume: out }),
    onStep(record, all) {
      steps++;
      return hooks.onStep?.(record, all);
    },
  });
  if (outcome === undefined) return undefined;
  const lines = await exists(out) ? await readMetrics(out) : [];
  const here = (performance.now() - started) / 1000;
  const sources = sourcesOf({ ...outcome.sources, weights, version: metadata.version });
  const whole = {
    ...outcome,
    ...(sources && { sources }),
    seconds: secondsBefore(lines, steps) + here,
  };
  await writeOutcome(folder, run.id, whole);
  return whole;
}

/**
 * Requires that a run goes on with the model that it began with.
 *
 * @throws {FileError} If its weights are others
 */
async function requireSameWeights(path: string, weights: string | undefined): Promise<void> {
  const text = await exists(path) ? await readText(path) : "";
  const begun = text.split("\n").map(weightsOfStart);
  const before = begun.findLast((one) => one !== undefined);
  if (before === undefined || before === weights) return;
  throw new FileError(
    `Cannot go on with the run as the weights it began with, ${before}, are required: found ` +
      `${weights ?? "none"}; without its folder it begins anew`,
    path,
  );
}

/** Weights that a line of starts names; of a torn one none. */
function weightsOfStart(line: string): string | undefined {
  try {
    const start: unknown = JSON.parse(line);
    return isRecord(start) ? sourcesOf(start)?.weights : undefined;
  } catch {
    return undefined;
  }
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

/** Seconds of the steps that other processes made, before this one made its own. */
function secondsBefore(lines: readonly MetricLine[], own: number): number {
  const clocks = lines.filter(({ seconds }) => seconds !== undefined);
  return secondsOf(clocks.slice(0, Math.max(0, clocks.length - own))) ?? 0;
}
