/**
 * What a run folder says of a run, as a report shows it. What a run does not have yet is absent; what
 * is malformed is an error.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { type DropoutPlan, positions, structures } from "../../nn/dropout/plan.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { exists, readJson, readText, realPath } from "../files/files.ts";
import { readRun } from "../run/run_folder.ts";
import type { Prediction } from "../tasks/prediction.ts";

/** Numbers of a line of metrics.jsonl, by name; `step` is always among them. */
export type MetricLine = Readonly<Record<string, number>>;

/** A run, as a report shows it. */
export interface RunRecord {
  /** Name of its folder. */
  readonly name: string;
  /** Options it was started with. */
  readonly config: JsonObject;
  /** Words of its classes; none for scores and texts. */
  readonly classes: readonly string[];
  /** What run.json says beside: counts of parameters, the backend, and the result of its end. */
  readonly facts: JsonObject;
  /** Steps that were logged. */
  readonly steps: readonly MetricLine[];
  /** Evaluations that were logged, their figures without `eval_`. */
  readonly evaluations: readonly MetricLine[];
  /** Seconds of all steps; undefined where none says any. */
  readonly seconds: number | undefined;
  /** What was dropped; undefined where no adapter was saved yet. */
  readonly plan: DropoutPlan | undefined;
  /** What the last evaluation says of each example; undefined where none was kept. */
  readonly predictions: readonly Prediction[] | undefined;
}

/**
 * Reads a run's folder.
 *
 * @throws {FileError} If it is none, or a file of it is malformed, with the line of the fault
 */
export async function readRunRecord(folder: string): Promise<RunRecord> {
  const { config, classes = [] } = await readRun(folder);
  const facts = await readJson(`${folder}/run.json`);
  const lines = await readMetrics(folder);
  return {
    name: nameOf(await realPath(folder)),
    config,
    classes,
    facts: isRecord(facts) ? facts : {},
    steps: lines.filter((line) => line["loss"] !== undefined),
    evaluations: lines.map(evaluationOf).filter((line) => line !== undefined),
    seconds: secondsOf(lines),
    plan: await readPlan(`${folder}/hiddenkey_config.json`),
    predictions: await readLines(`${folder}/dev_predictions.jsonl`, predictionOf),
  };
}

/**
 * Lines of a run's metrics.jsonl; none where there is no such file.
 *
 * @throws {FileError} If a line is malformed
 */
export async function readMetrics(folder: string): Promise<readonly MetricLine[]> {
  return await readLines(`${folder}/metrics.jsonl`, metricLine) ?? [];
}

function nameOf(path: string): string {
  return path.split(/[\\/]/).filter((part) => part !== "").at(-1) ?? path;
}

/** The lines of a file of JSON lines; undefined where there is none. A torn last line is left out. */
async function readLines<T>(
  path: string,
  read: (value: JsonObject) => T | string,
): Promise<T[] | undefined> {
  if (!await exists(path)) return undefined;
  // What follows the last line break is empty, or being written.
  const lines = (await readText(path)).split("\n").slice(0, -1);
  return lines.map((line, i) => {
    const fail = (required: string) => {
      const found = line.trim() === "" ? "an empty line" : excerpt(line);
      return new FileError(
        `Cannot report the run as ${required} is required in each line: found ${found}`,
        path,
        i + 1,
      );
    };
    const value = parsed(line);
    if (value === undefined) throw fail("a JSON object");
    const result = read(value);
    if (typeof result === "string") throw fail(result);
    return result;
  });
}

function parsed(line: string): JsonObject | undefined {
  try {
    const value = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function metricLine(value: JsonObject): MetricLine | string {
  if (typeof value["step"] !== "number") return "an object with a step";
  const numbers = Object.entries(value).filter((row): row is [string, number] => {
    return typeof row[1] === "number";
  });
  return Object.fromEntries(numbers);
}

function evaluationOf(line: MetricLine): MetricLine | undefined {
  const rows = Object.entries(line).filter(([name]) => name.startsWith("eval_"));
  if (rows.length === 0) return undefined;
  const { step, epoch } = line;
  const figures = rows.map(([name, value]) => [name.slice("eval_".length), value] as const);
  return { step: step!, ...(epoch !== undefined && { epoch }), ...Object.fromEntries(figures) };
}

/**
 * Seconds of the steps of a run; undefined where none says any. The clock of a run that is resumed
 * begins anew: what each part took is added up.
 */
export function secondsOf(lines: readonly MetricLine[]): number | undefined {
  const clock = lines.flatMap(({ seconds }) => seconds ?? []);
  if (clock.length === 0) return undefined;
  return clock.reduce((sum, now, i) => {
    const before = clock[i - 1] ?? 0;
    return sum + (now >= before ? now - before : now);
  }, 0);
}

async function readPlan(path: string): Promise<DropoutPlan | undefined> {
  if (!await exists(path)) return undefined;
  const settings = await readJson(path);
  const plan = isRecord(settings) ? settings["plan"] : undefined;
  if (isPlan(plan)) return plan;
  throw new FileError(
    `Cannot report the run as a plan of dropout is required in key plan: found ${excerpt(plan)}`,
    path,
  );
}

function isPlan(value: unknown): value is DropoutPlan {
  if (!isRecord(value) || !Array.isArray(value["sites"])) return false;
  const { sites, compensation } = value;
  return isRecord(compensation) && typeof compensation["kind"] === "string" &&
    typeof compensation["weight"] === "number" && (sites as unknown[]).every(isSite);
}

function isSite(site: unknown): boolean {
  if (!isRecord(site)) return false;
  const { position, structure, rate, layers } = site;
  return positions.some((known) => known === position) &&
    structures.some((known) => known === structure) && typeof rate === "number" &&
    (layers === "all" || layers === "latter-half" || isNumbers(layers));
}

function predictionOf(value: JsonObject): Prediction | string {
  const { index, loss, texts, input, label, predicted, references, generated = "" } = value;
  const isText = typeof input === "string" && isTexts(references) && typeof generated === "string";
  const isLabelled = isTexts(texts) && typeof label === typeof predicted &&
    (typeof label === "number" ||
      (typeof label === "string" && isNumbers(value["probabilities"])));
  if (typeof index === "number" && typeof loss === "number" && (isText || isLabelled)) {
    return value as unknown as Prediction;
  }
  return "the index, loss and texts of a prediction";
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 &&
    value.every((number) => typeof number === "number");
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
