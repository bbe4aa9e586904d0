/**
 * What came of a run: `outcome.json`, written in one step when it is over.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { exists, readJson, writeJson } from "../files/files.ts";
import type { Metrics } from "../tasks/task.ts";
import { folderOfRun } from "./plan_folder.ts";
import { type RunSources, sourcesOf } from "./run_sources.ts";

/** How a run ended. */
export interface Outcome {
  /** Whether it came to its end. */
  readonly status: "done" | "failed";
  /** All its settings, those that were chosen too, without its folder. */
  readonly settings: JsonObject;
  /** Figures of the last evaluation, by metric; none where it failed. */
  readonly last: Metrics;
  /** Figures of the best evaluation, by metric; none where it failed. */
  readonly best: Metrics;
  /** Wall time of training with its evaluations, in seconds. */
  readonly seconds: number;
  /** Most bytes of tensors at once, in the process that ended it. */
  readonly peakBytes?: number;
  /** What ran the programs, in words. */
  readonly backend?: string;
  /** What it was computed from. */
  readonly sources?: RunSources;
  /** Why it failed, in one sentence. */
  readonly error?: string;
}

const fileOf = (folder: string, id: string) => `${folderOfRun(folder, id)}/outcome.json`;

/** Writes what came of a run. */
export async function writeOutcome(folder: string, id: string, outcome: Outcome): Promise<void> {
  await writeJson(fileOf(folder, id), outcome);
}

/**
 * Reads what came of a run; undefined where it is not over.
 *
 * @throws {FileError} If the file is malformed
 */
export async function readOutcome(folder: string, id: string): Promise<Outcome | undefined> {
  const path = fileOf(folder, id);
  if (!await exists(path)) return undefined;
  const value = await readJson(path);
  const { status, settings, last, best, seconds, peakBytes, backend, error } = isRecord(value)
    ? value
    : {};
  const sources = sourcesOf(isRecord(value) ? value["sources"] : undefined);
  const fail = (required: string, found: unknown) =>
    new FileError(
      `Cannot read what came of the run as ${required} is required: found ${excerpt(found)}`,
      path,
    );
  if (status !== "done" && status !== "failed") throw fail("status done or failed", status);
  if (!isRecord(settings)) throw fail("an object in key settings", settings);
  if (typeof seconds !== "number") throw fail("a number in key seconds", seconds);
  return {
    status,
    settings,
    last: metricsOf(last, () => fail("numbers in key last", last)),
    best: metricsOf(best, () => fail("numbers in key best", best)),
    seconds,
    ...(typeof peakBytes === "number" && { peakBytes }),
    ...(typeof backend === "string" && { backend }),
    ...(sources && { sources }),
    ...(typeof error === "string" && { error }),
  };
}

/** Figures by name; those that JSON has no number for are null there and NaN here. */
function metricsOf(value: unknown, fail: () => FileError): Metrics {
  if (!isRecord(value)) throw fail();
  return Object.fromEntries(
    Object.entries(value).map(([name, figure]) => {
      if (typeof figure === "number") return [name, figure];
      if (figure === null) return [name, NaN];
      throw fail();
    }),
  );
}
