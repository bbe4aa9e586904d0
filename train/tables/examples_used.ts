/**
 * On which examples runs were trained and judged, where they are not all that there are.
 *
 * @module
 */

import type { JsonObject } from "../../nn/formats/json_record.ts";
import type { ArmRuns } from "./arms.ts";

/** Examples that runs are of, in words; each is empty where they are all. */
export interface ExamplesUsed {
  /** What figures are of, as a clause: `on the half of the development data that chose no settings`. */
  readonly judged: string;
  /** What was trained on: `Trained on at most 64 examples. `. */
  readonly trained: string;
}

/** The examples of the runs that are reported. */
export function examplesUsed(arms: readonly ArmRuns[]): ExamplesUsed {
  const settings = arms.flatMap(({ runs }) => runs.map((run) => run.settings));
  const judged = new Set(settings.map(judgedOf));
  const limits = new Set(settings.map(({ trainLimit }) => limitOf(trainLimit)));
  const isAll = (words: ReadonlySet<string>) => words.size === 0 || [...words].join("") === "";
  const listed = (words: ReadonlySet<string>, all: string) =>
    [...words].map((word) => word === "" ? all : word).join(" and ");
  return {
    judged: isAll(judged) ? "" : `, on ${listed(judged, "the development data")}`,
    trained: isAll(limits) ? "" : `Trained on ${listed(limits, "all examples")}. `,
  };
}

function judgedOf({ devFraction, devPart, devLimit }: JsonObject): string {
  const parts = [
    typeof devFraction === "number" ? "training examples that were held back" : "",
    devPart === "report" ? "the half of the development data that chose no settings" : "",
    devPart === "select" ? "the half of the development data that chooses settings" : "",
    limitOf(devLimit),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function limitOf(limit: unknown): string {
  return typeof limit === "number" ? `at most ${limit} examples` : "";
}
