/**
 * A sweep's results from their file: a head, then a run a line.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { readText } from "../files/files.ts";
import type { Collected } from "../sweep/collect.ts";
import type { RunStatus, SweepHead, SweepResult } from "../sweep/sweep_result.ts";

const statuses: readonly RunStatus[] = ["done", "failed", "running", "waiting", "left"];

/**
 * Reads `results.jsonl`, as `deno task sweep collect` writes it.
 *
 * @throws {FileError} If it cannot be read, or a line is torn or none of a sweep's, with the line
 */
export async function readResults(path: string): Promise<Collected> {
  return parseResults(await readText(path), path);
}

/**
 * Parses the text of `results.jsonl`. Figures that JSON has no number for are null there, and NaN
 * here.
 *
 * @param path Path of the file for messages
 * @throws {FileError} If a line is torn, none of a sweep's, or tells of a run that another one tells
 * of, with the line
 */
export function parseResults(text: string, path: string): Collected {
  const lines = text.split("\n");
  // What follows the last line break is empty, or torn.
  const torn = lines.pop();
  if (torn !== "") throw fault("a line break at the end of the file", torn, path, lines.length + 1);
  const [first, ...rest] = lines.map((line, i) => {
    const value = parsed(line);
    if (!isRecord(value)) throw fault("a JSON object in each line", line, path, i + 1);
    return value;
  });
  const missing = first === undefined ? "a head in the first line" : missingOfHead(first);
  if (missing !== undefined) throw fault(missing, lines[0] ?? "", path, 1);
  const lineOf = new Map<unknown, number>();
  const results = rest.map((value, i) => {
    const line = i + 2;
    const missing = missingOfResult(value);
    if (missing !== undefined) throw fault(missing, lines[i + 1]!, path, line);
    const before = lineOf.get(value["id"]);
    if (before !== undefined) throw fault(`an id of its own`, `that of line ${before}`, path, line);
    lineOf.set(value["id"], line);
    return { ...value, last: metricsOf(value["last"]), best: metricsOf(value["best"]) };
  });
  return {
    head: first as unknown as SweepHead,
    results: results as unknown as readonly SweepResult[],
  };
}

function fault(required: string, found: string | undefined, path: string, line: number): FileError {
  const text = found === undefined || found.trim() === "" ? "an empty line" : excerpt(found);
  return new FileError(
    `Cannot read results as ${required} is required: found ${text}`,
    path,
    line,
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isNumbers = (value: unknown) =>
  isRecord(value) && Object.values(value).every((one) => one === null || typeof one === "number");

/** What a head lacks, in words. */
function missingOfHead(head: JsonObject): string | undefined {
  for (const key of ["name", "plan", "baseline", "version"]) {
    if (!isText(head[key])) return `a head with ${key} in the first line`;
  }
  const { tuned } = head;
  const isLists = isRecord(tuned) &&
    Object.values(tuned).every((values) =>
      Array.isArray(values) && values.every((value) => typeof value === "number")
    );
  return isLists ? undefined : "a head with lists of numbers in tuned in the first line";
}

/** What a line of a run lacks, in words. */
function missingOfResult(value: JsonObject): string | undefined {
  const { arm, seed, status, stage } = value;
  if (!isText(value["id"])) return "an id";
  if (stage !== "tune" && stage !== "report") return "stage tune or report";
  if (!isRecord(arm) || !isText(arm["task"]) || !isText(arm["method"])) {
    return "an arm with task and method";
  }
  const { varied } = arm;
  const isVaried = isRecord(varied) &&
    Object.values(varied).every((one) => typeof one === "number" || typeof one === "string");
  if (!isVaried) return "an arm with numbers and texts in varied";
  if (!Number.isInteger(seed)) return "an integer seed";
  if (!statuses.some((one) => one === status)) return `status ${statuses.join(", ")}`;
  if (!isRecord(value["settings"])) return "an object of settings";
  if (!isText(value["metric"])) return "the name of a metric";
  if (typeof value["isHigherBetter"] !== "boolean") return "isHigherBetter true or false";
  for (const key of ["last", "best"]) {
    if (!isNumbers(value[key])) return `an object of numbers in ${key}`;
  }
  const { sources = {} } = value;
  if (!isRecord(sources) || !Object.values(sources).every(isText)) return "texts in sources";
  for (const key of ["seconds", "peakBytes"]) {
    const number = value[key] ?? 0;
    if (typeof number !== "number" || number < 0) return `a number from 0 in ${key}`;
  }
  return missingOfCourse(value["course"]);
}

function missingOfCourse(course: unknown): string | undefined {
  if (course === undefined) return undefined;
  return Array.isArray(course) && course.every(isNumbers)
    ? undefined
    : "a list of objects of numbers in course";
}

/** Figures by name; those without a number are NaN. */
function metricsOf(value: unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(value as Record<string, number | null>).map(([name, figure]) =>
      [name, figure ?? NaN] as const
    ),
  );
}
