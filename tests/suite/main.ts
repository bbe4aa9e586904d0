/**
 * The task `test`: `deno test` on parts of the suite, as many at a time as there are processors.
 * A process runs its files one after the other, as tests measure the memory of the whole process.
 *
 * Files and most flags go to one `deno test` as they are.
 */

import { walked } from "../mutations/tree.ts";
import {
  againAfterSignal,
  type Ended,
  failuresIn,
  lineOf,
  sumOf,
  type Totals,
  totalsOf,
} from "./totals.ts";

/** Parts for each process: the last ones end about together, whatever the files take. */
const partsEach = 8;
/** Processes at most: each takes up to 2 GB. */
const mostProcesses = 4;

/** Shaders of a software adapter run for less time than they are compiled. */
const env = { GALLIVM_PERF: Deno.env.get("GALLIVM_PERF") ?? "nopt" };

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname);

/** Whether nothing but a filter is asked for. */
function isWhole(args: readonly string[]): boolean {
  return args.every((arg, i) => /^--filter(=|$)/.test(arg) || args[i - 1] === "--filter");
}

/** Runs Deno with what it prints on this terminal. */
async function passedOn(args: readonly string[]): Promise<number> {
  const { code } = await new Deno.Command("deno", {
    args: [...args],
    env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return code;
}

/** Runs Deno, prints all it has printed when it is done, and gives that. */
function printed(args: readonly string[]): Promise<Ended> {
  return againAfterSignal(async () => {
    const command = new Deno.Command("deno", { args: [...args], cwd: root, env });
    const { code, stdout, stderr } = await command.output();
    const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    console.log(output.trimEnd());
    return { code, output };
  });
}

/** Runs all test files in parts, checks types beside them, and gives the exit code. */
async function whole(flags: readonly string[], args: readonly string[]): Promise<number> {
  const started = performance.now();
  const files = (await walked(root)).filter((path) => /^tests\/.*_test\.ts$/.test(path));
  const processes = Math.min(mostProcesses, navigator.hardwareConcurrency);
  const count = Math.min(files.length, processes * partsEach);
  const parts = Array.from({ length: count }, (_, part) => {
    return files.filter((_, place) => place % count === part);
  });
  const totals: Totals[] = [];
  const failures: string[] = [];
  const run = async (part: readonly string[]) => {
    const { code, output } = await printed(["test", "--no-check", ...flags, ...args, ...part]);
    totals.push(totalsOf(output, code));
    if (code !== 0) failures.push(failuresIn(output) || output.slice(-2000));
  };
  const locked = flags.filter((flag) => !flag.startsWith("--allow-"));
  const check = async () => {
    const { code, output } = await printed(["check", "--quiet", ...locked]);
    totals.push(totalsOf("", code));
    if (code !== 0) failures.push(output);
  };
  const jobs = [check, ...parts.map((part) => () => run(part))];
  await Promise.all(Array.from({ length: processes }, async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
  }));
  const sum = sumOf(totals);
  console.log(["", ...failures, lineOf(sum, (performance.now() - started) / 1000)].join("\n"));
  return sum.failed === 0 ? 0 : 1;
}

const end = Deno.args.indexOf("--");
const [flags, args] = [Deno.args.slice(0, end), Deno.args.slice(end + 1)];
Deno.exit(isWhole(args) ? await whole(flags, args) : await passedOn(["test", ...flags, ...args]));
