/**
 * `deno task sweep status` and `collect`: how far a sweep is, and what came of it.
 *
 * @module
 */

import { nameOf } from "../sweep/arms.ts";
import { collect, writeResults } from "../sweep/collect.ts";
import { statusOf, type SweepStatus } from "../sweep/status.ts";
import { SweepState } from "../sweep/sweep_state.ts";
import type { RunStatus } from "../sweep/sweep_result.ts";
import { type Command, command } from "./command.ts";
import { clockText } from "./terminal.ts";

const folder = {
  kind: "text",
  help: "folder of the sweep; also as a word",
  positional: true,
  required: true,
} as const;

/** Says how far a sweep is. */
export const sweepStatusCommand: Command = command({
  summary: "Say how many runs of a sweep are done, failed, running and left",
  usage: "  deno task sweep status FOLDER",
  verb: "look",
  options: {
    folder,
    json: { kind: "switch", help: "print one object instead of lines" },
  },
  async run({ folder, json }) {
    const status = await statusOf(await SweepState.open(folder));
    if (json) console.log(JSON.stringify(status));
    else for (const line of statusLines(status)) console.log(line);
  },
});

/** Collects what came of a sweep. */
export const sweepCollectCommand: Command = command({
  summary: "Write what came of every run of a sweep to FOLDER/results.jsonl",
  usage: `  deno task sweep collect FOLDER
  deno task sweep collect FOLDER --courses          losses and evaluations of all steps too

Runs that failed or are not over have a line too.`,
  verb: "collect",
  options: {
    folder,
    courses: { kind: "switch", help: "losses and evaluations of all steps too", default: false },
  },
  async run({ folder, courses }) {
    const found = await collect(folder, { courses });
    const path = `${folder}/results.jsonl`;
    await writeResults(path, found);
    console.log(`wrote ${path}`);
    for (const line of statusLines(await statusOf(await SweepState.open(folder)))) {
      console.log(line);
    }
  },
});

const words: Readonly<Record<RunStatus, string>> = {
  done: "done",
  failed: "failed",
  running: "running",
  waiting: "waiting for those that choose their settings",
  left: "left",
};

/** How far a sweep is, in lines. */
function statusLines({ stages, failures, remarks, secondsLeft }: SweepStatus): string[] {
  const titles = { tune: "to choose settings", report: "to report" };
  return [
    ...stages.map(({ stage, runs, counts }) => {
      const parts = (Object.keys(words) as RunStatus[]).filter((one) => counts[one] > 0)
        .map((one) => `${counts[one]} ${words[one]}`);
      return `${runs} runs ${titles[stage]}: ${parts.join(", ")}`;
    }),
    ...failures.map(({ run, error }) =>
      `failed ${run.id}  ${nameOf(run.arm)}, seed ${run.seed}: ${error}`
    ),
    ...remarks,
    ...(secondsLeft === undefined || secondsLeft === 0
      ? []
      : [`about ${clockText(secondsLeft)} left, one run after the other`]),
  ];
}
