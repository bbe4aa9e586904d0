/** Runs of several processes, one of which is killed at a random moment; they end, and go on equal. */

import { foldKey, seedKey, uniform } from "../../core/random.ts";
import { launch, type Launcher, launchers, type RankBlow, saysWho } from "../support/mpi/launch.ts";
import { namesIn, Workspace } from "../support/workspace.ts";
import { differencesOf, leftoversIn, runContents } from "./compare.ts";
import { usualFlags } from "./recipes.ts";

/** Processes of a run. */
const size = 3;
/** Seconds in which all of them must have ended. */
const mostSeconds = 60;

/** What came of the runs. */
export interface ProcessKills {
  /** Runs that a kill ended. */
  readonly killed: number;
  /** Runs that were over before. */
  readonly over: number;
  /** Longest time from the kill to the end of all processes, in seconds. */
  readonly longest: number;
  /** What is wrong; nothing where all is well. */
  readonly differences: readonly string[];
}

/** Kills a process of each of so many runs, by each launcher that there is. */
export async function killProcesses(count: number, seed: number): Promise<ProcessKills> {
  await using workspace = await Workspace.open();
  const there = launchers.filter(({ isAbsent }) => !isAbsent);
  if (there.length === 0) throw new Error("mpirun.openmpi or mpirun.mpich is required: found none");
  const found = { killed: 0, over: 0, longest: 0, differences: [] as string[] };
  for (const [i, launcher] of there.entries()) {
    const bench = await wholeRun(workspace, launcher);
    for (let k = i; k < count; k += there.length) {
      const [who, moment] = uniform(foldKey(seedKey(seed), `process ${k}`), 2);
      const rank = Math.floor(who! * size);
      const after = moment! * bench.seconds;
      const blow = { rank, signal: "SIGKILL", when: `${Math.round(1000 * after)}` } as const;
      const { differences, isOver, waited } = await killOne(workspace, bench, blow, k);
      found[isOver ? "over" : "killed"]++;
      found.longest = Math.max(found.longest, waited - after);
      const what = `${launcher.title}, process ${rank} after ${after.toFixed(2)} s`;
      found.differences.push(...differences.map((one) => `${what}: ${one}`));
    }
  }
  return found;
}

/** A run that was left alone. */
interface Whole {
  readonly launcher: Launcher;
  readonly seconds: number;
  readonly contents: Readonly<Record<string, string>>;
}

function newRun(workspace: Workspace): string[] {
  return [
    ...usualFlags(workspace).filter((flag) => !flag.startsWith("--epochs")),
    ...["--method=hiddenkey", "--epochs=12", "--save-every=3", "--keep=2"],
    ...["--eval-every=5", "--best-metric=loss", "--lr=0.005"],
  ];
}

async function wholeRun(workspace: Workspace, launcher: Launcher): Promise<Whole> {
  const out = workspace.out(`whole, ${launcher.title}`);
  const { code, text, seconds } = await launch(
    launcher,
    [[size, [...newRun(workspace), `--out=${out}`]]],
  );
  if (code !== 0) throw new Error(`a run that ends well is required: ${text.slice(-300)}`);
  return { launcher, seconds, contents: await runContents(out) };
}

/** Kills one process of a run, and goes on with it. */
async function killOne(workspace: Workspace, whole: Whole, blow: RankBlow, k: number) {
  const { launcher } = whole;
  const name = `killed-${k}`;
  const out = workspace.out(name);
  const flags = [...newRun(workspace), `--out=${out}`];
  const differences: string[] = [];
  const { code, text, seconds } = await launch(launcher, [[size, flags]], blow);
  const isOver = code === 0;
  if (!isOver && !saysWho(launcher, blow.rank, text) && text.includes("processes:")) {
    differences.push(`nobody names it: ${text.slice(-300)}`);
  }
  if (seconds > whole.seconds + mostSeconds) differences.push(`it took ${seconds.toFixed(0)} s`);
  const isBegun = namesIn(workspace.root).includes(name) && namesIn(out).includes("run.json");
  const again = await launch(launcher, [[size, isBegun ? [`--resume=${out}`] : flags]]);
  if (again.code !== 0) differences.push(`it does not go on: ${again.text.slice(-300)}`);
  else differences.push(...differencesOf(whole.contents, await runContents(out)));
  differences.push(...leftoversIn(out));
  return { differences, isOver, waited: seconds };
}
