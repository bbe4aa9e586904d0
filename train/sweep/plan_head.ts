/**
 * The head of a plan, and the arms of its lines, as they are read.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";
import { type TaskName, tasks } from "../config/train_options.ts";
import type { Arm } from "./planned_run.ts";
import type { SweepHead } from "./sweep_result.ts";

/** The error of a plan that is not as it was written. */
export function planFault(
  required: string,
  found: unknown,
  path: string,
  line?: number,
): FileError {
  const text = typeof found === "string" && found.trim() === "" ? "an empty line" : excerpt(found);
  return new FileError(
    `Cannot read the plan as ${required} is required: found ${text}`,
    path,
    line,
  );
}

/** What heads a plan, and how many lines follow. */
export interface PlanHead {
  /** Of which sweep. */
  readonly head: SweepHead;
  /** What was asked for. */
  readonly asked: JsonObject;
  /** Lines of plan.jsonl. */
  readonly count: number;
}

const texts = ["name", "plan", "baseline", "version"] as const;
const keys = ["format", ...texts, "tuned", "runs", "asked"];

/**
 * The head that plan.json holds.
 *
 * @throws {FileError} If it is of another version, or a key is missing or unknown
 */
export function readHead(value: unknown, path: string, format: number): PlanHead {
  const fail = (required: string, found: unknown) => planFault(required, found, path);
  if (!isRecord(value)) throw fail("an object", value);
  if (value["format"] !== format) throw fail(`format ${format}`, value["format"]);
  const strange = Object.keys(value).find((key) => !keys.includes(key));
  if (strange !== undefined) throw fail(`a head with the keys ${keys.join(", ")}`, strange);
  const missing = texts.find((key) => typeof value[key] !== "string" || value[key] === "");
  if (missing !== undefined) throw fail(`a text in key ${missing}`, value[missing]);
  const { name, plan, baseline, version } = value;
  const { tuned, runs, asked } = value;
  if (!isTuned(tuned)) throw fail("lists of numbers in key tuned", tuned);
  if (typeof runs !== "number" || !Number.isSafeInteger(runs) || runs < 0) {
    throw fail("a number of runs in key runs", runs);
  }
  const head = { name, plan, baseline, tuned, version } as SweepHead;
  return { head, asked: isRecord(asked) ? asked : {}, count: runs };
}

function isTuned(value: unknown): value is SweepHead["tuned"] {
  return isRecord(value) &&
    Object.values(value).every((list) =>
      Array.isArray(list) && list.every((one) => typeof one === "number")
    );
}

/** The arm of a line. */
export function requireArm(
  value: unknown,
  fail: (required: string, found: unknown) => FileError,
): Arm {
  const { task, method, varied } = isRecord(value) ? value : {};
  if (!isTask(task)) throw fail(`an arm with one of the tasks ${tasks.join(", ")}`, value);
  if (typeof method !== "string" || method === "") throw fail("an arm with a method", value);
  const isVaried = isRecord(varied) &&
    Object.values(varied).every((one) => typeof one === "number" || typeof one === "string");
  if (!isVaried) throw fail("an arm with numbers and texts in varied", value);
  return { task, method, varied: varied as Arm["varied"] };
}

function isTask(value: unknown): value is TaskName {
  return tasks.some((task) => task === value);
}
