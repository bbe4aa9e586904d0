/**
 * When processes began a run or went on with it: `starts.jsonl`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { exists, readText } from "../files/files.ts";
import { appendText } from "../files/folder.ts";
import type { MetricLine } from "../report/run_record.ts";
import { folderOfRun } from "./plan_folder.ts";

/** One process that worked on a run. */
export interface RunStart {
  /** When it began, as ISO 8601 has it. */
  readonly at: string;
  /** Its number. */
  readonly pid: number;
  /** Whether it went on with what another one began. */
  readonly goesOn: boolean;
  /** Optimiser steps that were done and kept before it. */
  readonly step: number;
  /** Fingerprint of the model's folder; absent where the model is none. */
  readonly weights?: string;
}

/** File of a run that has a line for each time that a process began it or went on with it. */
export function startsFile(folder: string, id: string): string {
  return `${folderOfRun(folder, id)}/starts.jsonl`;
}

/** Adds a line. */
export async function appendStart(folder: string, id: string, start: RunStart): Promise<void> {
  await appendText(startsFile(folder, id), `${JSON.stringify(start)}\n`);
}

/** The starts of a run so far; a line that a process was killed in is left out. */
export async function readStarts(folder: string, id: string): Promise<RunStart[]> {
  const path = startsFile(folder, id);
  const text = await exists(path) ? await readText(path) : "";
  return text.split("\n").flatMap((line) => startOf(line) ?? []);
}

function startOf(line: string): RunStart | undefined {
  try {
    const start: unknown = JSON.parse(line);
    return isRecord(start) && typeof start["step"] === "number"
      ? start as unknown as RunStart
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Requires that a run goes on with the model that it began with.
 *
 * @param starts Of the processes before
 * @throws {FileError} If its weights are others
 */
export function requireSameWeights(
  starts: readonly RunStart[],
  weights: string | undefined,
  place: string,
): void {
  const before = starts.at(-1)?.weights;
  if (before === undefined || before === weights) return;
  throw new FileError(
    `Cannot go on with the run as the weights it began with, ${before}, are required: found ` +
      `${weights ?? "none"}; without its folder it begins anew`,
    place,
  );
}

/**
 * Seconds of the steps that were kept of earlier processes. Each has a clock of its own, from 0: what
 * its last step says that was not made again.
 *
 * @param lines Lines of metrics.jsonl
 * @param starts Of all processes, the present one's last
 */
export function secondsBefore(lines: readonly MetricLine[], starts: readonly RunStart[]): number {
  const clocks = lines.filter(({ seconds }) => seconds !== undefined);
  return starts.slice(0, -1).reduce((sum, { step: from }, i) => {
    const end = Math.min(...starts.slice(i + 1).map(({ step }) => step));
    const last = clocks.findLast(({ step }) => step! > from && step! <= end);
    return sum + (last?.["seconds"] ?? 0);
  }, 0);
}
