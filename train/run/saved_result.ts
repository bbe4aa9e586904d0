/**
 * How a run ended, from its run.json.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import type { Metrics } from "../tasks/task.ts";
import type { ParameterCounts } from "./describe.ts";
import type { SavedRun } from "./run_folder.ts";
import type { RunResult } from "./run_output.ts";

/**
 * The result of a run that is over.
 *
 * @throws {FileError} If run.json does not have one
 */
export function savedResult(
  { result, json }: SavedRun,
  path: string,
): Omit<RunResult, "progress"> & ParameterCounts {
  const number = (key: string, from: Readonly<Record<string, unknown>>): number => {
    const value = from[key];
    if (typeof value === "number") return value;
    throw new FileError(
      `Cannot read the result of the run as a number is required in ${key}`,
      path,
    );
  };
  const { figures, best, stoppedEarly, lastEpochLoss, ...rest } = result ?? {};
  return {
    step: number("step", rest),
    steps: number("steps", rest),
    epoch: number("epoch", rest),
    aborted: false,
    stoppedEarly: stoppedEarly === true,
    metrics: isRecord(figures) ? figures as Metrics : {},
    best: isRecord(best) ? best as unknown as RunResult["best"] : undefined,
    lastEpochLoss: typeof lastEpochLoss === "number" ? lastEpochLoss : NaN,
    trainable: number("trainable", json),
    lora: number("lora", json),
    head: number("head", json),
    parameters: number("parameters", json),
  };
}
