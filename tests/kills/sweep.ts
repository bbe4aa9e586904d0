/** Sweeps that several processes work on, some of which are killed; compared with one left alone. */

import { foldKey, seedKey, uniform } from "../../core/random.ts";
import { methods } from "../../nn/dropout/methods.ts";
import { openSweep } from "../../train/sweep/open_sweep.ts";
import { writePlan } from "../../train/sweep/plan_folder.ts";
import { sweepMethod } from "../../train/sweep/methods.ts";
import type { PlannedRun } from "../../train/sweep/planned_run.ts";
import { Workspace } from "../support/workspace.ts";
import { differencesOf, leftoversIn, runContents } from "./compare.ts";

/** How a sweep is struck. */
export interface SweepBlows {
  /** Processes that are killed. */
  readonly kills: number;
  /** Seeds that are reported, of each of four methods. */
  readonly seeds: number;
  /** Passes over the 16 training examples of each run. */
  readonly epochs: number;
  /** What is drawn follows from it. */
  readonly seed: number;
}

/** What came of it. */
export interface SweepKillResult {
  /** Runs of the plan. */
  readonly runs: number;
  /** Processes that were killed while they worked. */
  readonly kills: number;
  /** How often runs were begun or gone on with. */
  readonly starts: number;
  /** How often that was from a checkpoint, or at least after the first step. */
  readonly resumed: number;
  /** What differs; nothing where all is well. */
  readonly differences: readonly string[];
}

/** Processes that work on a sweep at once. */
const processes = 3;
const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** A sweep of four methods with two learning rates to choose from. */
async function planIn(workspace: Workspace, blows: SweepBlows, out: string): Promise<PlannedRun[]> {
  const { plan } = await openSweep({
    name: "kills",
    tasks: [{ task: "rte", settings: {} }],
    methods: methods.slice(3).map(sweepMethod),
    tune: ["lr"],
    grids: { lr: [0.001, 0.005] },
    tuneSeeds: 1,
    seeds: blows.seeds,
    presets: [],
    model: workspace.model("bert"),
    data: `${workspace.root}/data`,
    settings: {
      ...{ backend: "cpu", threads: 1, batch: 4, trainLimit: 16, devLimit: 8, rank: 2 },
      ...{ epochs: blows.epochs, saveEvery: 7, keep: 2 },
    },
  });
  await writePlan(out, plan);
  return [...plan.runs];
}

/** Runs a sweep twice, once killed, and looks for what differs. */
export async function killSweep(blows: SweepBlows): Promise<SweepKillResult> {
  await using workspace = await Workspace.open();
  const [clean, struck] = [workspace.out("clean"), workspace.out("struck")];
  await planIn(workspace, blows, clean);
  const runs = await planIn(workspace, blows, struck);
  const started = performance.now();
  const alone = Array.from({ length: processes }, () => spawned(clean));
  const ends = await Promise.all(alone.map((child) => child.output()));
  const differences = ends.filter(({ code }) => code !== 0).map(({ code }) =>
    `clean ended ${code}`
  );
  const duration = performance.now() - started;

  const { kills, codes, lines } = await strike(struck, blows, duration);
  differences.push(...codes.filter((code) => code !== 0).map((code) => `a process ended ${code}`));
  differences.push(...leftoversIn(struck));
  let [starts, resumed] = [0, 0];
  for (const { id } of runs) {
    const [one, other] = [`${clean}/runs/${id}`, `${struck}/runs/${id}`];
    const found = await startsIn(other);
    starts += found.length;
    resumed += found.filter(({ goesOn }) => goesOn).length;
    const before = await startsIn(one);
    if (before.length !== 1) differences.push(`clean ${id} was begun ${before.length} times`);
    const ended = lines.filter((line) => line.includes(` ${id} `)).length;
    if (ended > 1) differences.push(`${id} was ended ${ended} times`);
    const [whole, again] = [await runContents(`${one}/run`), await runContents(`${other}/run`)];
    differences.push(...differencesOf(whole, again).map((line) => `${id}: ${line}`));
    const outcomes = [await outcomeIn(one), await outcomeIn(other)] as const;
    differences.push(...differencesOf({ outcome: outcomes[0] }, { outcome: outcomes[1] }));
  }
  // A process works on one run at a time: each kill costs one start at most.
  if (starts > runs.length + kills) differences.push(`${starts} starts of ${runs.length} runs`);
  return { runs: runs.length, kills, starts, resumed, differences };
}

function spawned(folder: string): Deno.ChildProcess {
  const permissions = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
  return new Deno.Command("deno", {
    args: ["run", "--quiet", ...permissions, "train/main.ts", "sweep", "run", folder, "--jobs=1"],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Lets processes work on a sweep, kills one after the other and starts another one instead. */
async function strike(folder: string, { kills, seed }: SweepBlows, duration: number) {
  const lines: string[] = [];
  const codes: number[] = [];
  const begin = () => {
    const child = spawned(folder);
    const ended = (async () => {
      const { code, signal, stdout } = await child.output();
      lines.push(
        ...new TextDecoder().decode(stdout).split("\n").filter((line) => / done /.test(line)),
      );
      return { code, signal };
    })();
    return { child, ended };
  };
  const working = Array.from({ length: processes }, begin);
  let struck = 0;
  for (let i = 0; i < kills; i++) {
    const [wait = 0, which = 0] = uniform(foldKey(seedKey(seed), `sweep ${i}`), 2);
    // A process needs a part of a second before it works.
    await new Promise((go) => setTimeout(go, 300 + wait * duration / kills));
    const place = Math.floor(which * processes);
    const { child, ended } = working[place]!;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended: all runs are over.
    }
    const { signal, code } = await ended;
    if (signal === "SIGKILL") struck++;
    else codes.push(code);
    working[place] = begin();
  }
  for (const { ended } of working) codes.push((await ended).code);
  return { kills: struck, codes, lines };
}

async function startsIn(place: string): Promise<{ readonly goesOn: boolean }[]> {
  const text = await Deno.readTextFile(`${place}/starts.jsonl`);
  // The last line of a process that was killed may be torn.
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** What came of a run, but for its time and memory. */
async function outcomeIn(place: string): Promise<string> {
  const { seconds: _, peakBytes: __, ...outcome } = JSON.parse(
    await Deno.readTextFile(`${place}/outcome.json`),
  );
  return JSON.stringify(outcome, null, 1);
}
