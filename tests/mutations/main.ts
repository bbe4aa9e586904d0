/**
 * `deno task mutate`: makes one source wrong at a time, in copies of the working tree, and reports
 * the mutations that no test notices.
 */

import { command } from "../../train/commands/command.ts";
import { runCommand } from "../../train/commands/program.ts";
import { mutations } from "./list.ts";
import type { Mutation } from "./mutation.ts";
import { changedSince, Copy, tracked } from "./tree.ts";
import { attemptAll, runTests, type Trial } from "./trial.ts";

const root = decodeURIComponent(new URL("../..", import.meta.url).pathname).replace(/\/$/, "");
/** Copies that work at once. */
const workers = 2;

const options = {
  only: { kind: "text", help: "mutations whose name holds this text", defaultText: "all" },
  since: {
    kind: "text",
    help: "mutations whose source or tests differ from this revision",
    defaultText: "all",
  },
  json: { kind: "switch", help: "print one object instead of a table", default: false },
} as const;

/** The mutations that are asked for. */
async function chosen(only: string | undefined, since: string | undefined): Promise<Mutation[]> {
  const named = mutations.filter(({ name }) => only === undefined || name.includes(only));
  if (named.length === 0) throw new Error(`Cannot find a mutation whose name holds ${only}`);
  if (since === undefined) return named;
  const changed = await changedSince(root, since);
  return named.filter(({ file, tests }) =>
    changed.some((path) =>
      path === file || tests.some((test) => path === test || path.startsWith(`${test}/`))
    )
  );
}

function row({ mutation: { name, file }, verdict, seconds, detail }: Trial): string {
  return `${name.padEnd(44)} ${file.padEnd(36)} ${verdict.padEnd(9)} ${
    seconds.toFixed(1).padStart(6)
  } s  ${detail}`;
}

/**
 * Runs the tests of all mutations without any, a share in each copy, and gives the number of files.
 *
 * @throws {Error} If one fails
 */
async function baseline(copies: readonly Copy[], list: readonly Mutation[]): Promise<number> {
  const tests = [...new Set(list.flatMap((mutation) => mutation.tests))].sort();
  await Promise.all(copies.map(async ({ root }, i) => {
    const share = tests.filter((_, at) => at % copies.length === i);
    if (share.length === 0) return;
    const { passed, failed, output } = await runTests(root, share, Infinity);
    if (passed) return;
    throw new Error(`Cannot begin as tests fail without a mutation: ${failed ?? output}`);
  }));
  return tests.length;
}

async function run(
  { only, since, json }: {
    readonly only?: string;
    readonly since?: string;
    readonly json: boolean;
  },
): Promise<number> {
  const list = await chosen(only, since);
  const started = performance.now();
  const say = json ? () => {} : console.log;
  const paths = await tracked(root);
  await using stack = new AsyncDisposableStack();
  const copies: Copy[] = [];
  for (let i = 0; i < Math.min(workers, list.length); i++) {
    copies.push(stack.use(await Copy.of(root, paths)));
  }
  say(`${await baseline(copies, list)} test files pass without a mutation`);
  const trials = await attemptAll(copies, list, (trial) => say(row(trial)));
  const count = (verdict: Trial["verdict"]) =>
    trials.filter((trial) => trial.verdict === verdict).length;
  const counts = {
    mutations: list.length,
    killed: count("killed"),
    survived: count("survived"),
    broken: count("broken"),
    "does not apply": count("does not apply"),
  };
  const seconds = (performance.now() - started) / 1000;
  if (json) {
    const rows = trials.map(({ mutation: { name, file }, verdict, seconds, detail }) => {
      return { name, file, verdict, seconds, detail };
    });
    console.log(JSON.stringify({ ...counts, seconds, trials: rows }));
  } else {
    const bad = trials.filter(({ verdict }) => verdict !== "killed");
    if (bad.length > 0) say(`\nnot killed:\n${bad.map(row).join("\n")}`);
    say(
      Object.entries(counts).map(([name, n]) => `${n} ${name}`).join(", ") +
        ` in ${seconds.toFixed(0)} s`,
    );
  }
  return counts.killed === list.length ? 0 : 1;
}

const mutate = command({
  summary: "Make sources wrong, one at a time, and report what no test notices",
  usage: "  deno task mutate --only schedule",
  verb: "mutate",
  options,
  run,
});

if (import.meta.main) Deno.exit(await runCommand(mutate, Deno.args));
