/**
 * `deno task kills`: kills runs at every file operation and at random moments, resumes them, and
 * reports what differs from runs that were never killed.
 */

import { command } from "../../train/commands/command.ts";
import { runCommand } from "../../train/commands/program.ts";
import { type Blow, blowsOf, KillBench, type KillResult, resumeTwice } from "./kill.ts";
import { killProcesses } from "./processes.ts";
import { recipes } from "./recipes.ts";
import { killSweep } from "./sweep.ts";
import type { StrikeResult } from "./strike.ts";
import type { StrikeMessage, StrikeShare } from "./worker.ts";

const options = {
  random: {
    kind: "integer",
    min: 0,
    help: "runs that are killed at random moments",
    defaultText: "300, or 0 with --operations",
  },
  operations: {
    kind: "switch",
    help: "strike every file operation",
    defaultText: "on without --random",
  },
  sweep: {
    kind: "integer",
    min: 1,
    help: "kills of a sweep of 24 runs that three processes work on, and nothing else",
    defaultText: "no sweep",
  },
  processes: {
    kind: "integer",
    min: 1,
    help: "runs of three processes by MPI, one of which is killed, and nothing else",
    defaultText: "none",
  },
  seed: { kind: "integer", min: 0, help: "what is drawn follows from it", default: 1 },
  jobs: { kind: "integer", min: 1, help: "runs at once", default: 2 },
  json: { kind: "switch", help: "print one object instead of lines", default: false },
} as const;

/** What was found. */
interface Found {
  readonly strikes: readonly StrikeResult[];
  readonly kills: readonly KillResult[];
  /** What is wrong with two resumes at once; undefined where it was not tried. */
  readonly twice: readonly string[] | undefined;
}

/** Strikes all operations, a share in each worker. */
async function strikeAll(
  jobs: number,
  seed: number,
  say: (result: StrikeResult) => void,
): Promise<StrikeResult[]> {
  const results: StrikeResult[] = [];
  await Promise.all(
    Array.from({ length: jobs }, (_, share) =>
      new Promise<void>((resolve, reject) => {
        const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
        worker.onerror = (event) => reject(new Error(event.message));
        worker.onmessage = ({ data }: MessageEvent<StrikeMessage>) => {
          if (data === "done") {
            worker.terminate();
            return resolve();
          }
          results.push(data);
          say(data);
        };
        worker.postMessage({ share, of: jobs, seed } satisfies StrikeShare);
      })),
  );
  return results;
}

/** Kills runs, so many at once. */
async function killAll(
  list: readonly (readonly Blow[])[],
  jobs: number,
  say: (result: KillResult) => void,
): Promise<KillResult[]> {
  if (list.length === 0) return [];
  await using bench = await KillBench.open();
  const waiting = [...list];
  const results: KillResult[] = [];
  const worker = async () => {
    for (let blows = waiting.shift(); blows !== undefined; blows = waiting.shift()) {
      const result = await bench.kill(blows);
      results.push(result);
      say(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

const differing = <T extends { readonly differences: readonly string[] }>(list: readonly T[]) =>
  list.filter(({ differences }) => differences.length > 0);

/** What was found, in a few lines. */
function linesOf({ strikes, kills, twice }: Found): string[] {
  const struck = recipes.flatMap(({ name }) => {
    const list = strikes.filter(({ recipe }) => recipe === name);
    if (list.length === 0) return [];
    const operations = new Set(list.map(({ at }) => at)).size;
    const again = list.filter(({ again }) => again !== undefined).length;
    return [
      `${name}: ${list.length} strikes at ${operations} operations, ${again} of them killed again: ` +
      `${differing(list).length} differ`,
    ];
  });
  const states = Object.entries(Object.groupBy(kills.flatMap((kill) => kill.states), (s) => s))
    .map(([state, list]) => `${state} ${list.length}`);
  const saved = kills.reduce((sum, kill) => sum + kill.saved, 0);
  return [
    ...struck,
    ...(kills.length === 0 ? [] : [
      `${kills.length} runs killed ${kills.flatMap((kill) => kill.blows).length} times at random ` +
      `(${states.join(", ")}; ${saved} saved a checkpoint when asked to end): ` +
      `${differing(kills).length} differ`,
    ]),
    ...(twice === undefined
      ? []
      : [`two resumes at once: ${twice.length === 0 ? "one is refused" : twice.join("; ")}`]),
  ];
}

/** Kills a sweep and says what came of it. */
async function strikeSweep(kills: number, seed: number): Promise<number> {
  const started = performance.now();
  const found = await killSweep({ kills, seeds: 4, epochs: 30, seed });
  const { runs, starts, resumed, differences } = found;
  console.log([
    ...differences,
    `a sweep of ${runs} runs by three processes, killed ${found.kills} times: ${starts} starts, ` +
    `${resumed} of them went on; ${differences.length} differ`,
    `in ${((performance.now() - started) / 1000).toFixed(0)} s`,
  ].join("\n"));
  return differences.length === 0 ? 0 : 1;
}

/** Kills processes of runs of several, and says what came of it. */
async function strikeProcesses(count: number, seed: number): Promise<number> {
  const started = performance.now();
  const { killed, over, longest, differences } = await killProcesses(count, seed);
  console.log([
    ...differences,
    `${count} runs of three processes: ${killed} ended by a kill, in at most ${
      longest.toFixed(1)
    } s, ` +
    `${over} over before; ${differences.length} differ`,
    `in ${((performance.now() - started) / 1000).toFixed(0)} s`,
  ].join("\n"));
  return differences.length === 0 ? 0 : 1;
}

async function run(
  { random, operations, sweep, processes, seed, jobs, json }: {
    readonly random?: number;
    readonly operations?: boolean;
    readonly sweep?: number;
    readonly processes?: number;
    readonly seed: number;
    readonly jobs: number;
    readonly json: boolean;
  },
): Promise<number> {
  if (sweep !== undefined) return await strikeSweep(sweep, seed);
  if (processes !== undefined) return await strikeProcesses(processes, seed);
  const started = performance.now();
  const say = (what: string, { differences }: { readonly differences: readonly string[] }) => {
    if (!json && differences.length > 0) console.log(`${what}:\n  ${differences.join("\n  ")}`);
  };
  const strikes = operations ?? random === undefined
    ? await strikeAll(jobs, seed, (one) => {
      const then = one.again === undefined ? "" : `, then halt at ${one.again}`;
      say(`${one.recipe}: ${one.fault} at ${one.at}${then}`, one);
    })
    : [];
  const list = blowsOf(random ?? (operations ? 0 : 300), seed);
  const kills = await killAll(list, jobs, (one) => {
    const blows = one.blows.map(({ signal, moment }) => `${signal} at ${moment.toFixed(3)}`);
    say(`${blows.join(", ")} (${one.states.join(", ")})`, one);
  });
  const twice = list.length === 0 ? undefined : await resumeTwice();
  const found: Found = { strikes, kills, twice };
  const seconds = (performance.now() - started) / 1000;
  if (json) console.log(JSON.stringify({ ...found, seconds }));
  else console.log([...linesOf(found), `in ${seconds.toFixed(0)} s`].join("\n"));
  const wrong = differing(strikes).length + differing(kills).length + (twice ?? []).length;
  return wrong === 0 ? 0 : 1;
}

const kills = command({
  summary: "Kill runs at every file operation and at random moments, and compare what they end as",
  usage: "  deno task kills --random 30 --jobs 2",
  verb: "kill",
  options,
  run,
});

if (import.meta.main) Deno.exit(await runCommand(kills, Deno.args));
