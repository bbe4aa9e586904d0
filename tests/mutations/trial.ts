/** One run of tests, and one trial of a mutation. */

import settings from "../../deno.json" with { type: "json" };
import { mutated, type Mutation } from "./mutation.ts";
import type { Copy } from "./tree.ts";

/** What became of a mutation. */
export interface Trial {
  /** The mutation. */
  readonly mutation: Mutation;
  /** Killed, survived; or an error of the list: it does not apply, or no test ran with it. */
  readonly verdict: "killed" | "survived" | "does not apply" | "broken";
  /** The test that noticed it, or what is wrong with it. */
  readonly detail: string;
  /** How long its tests ran. */
  readonly seconds: number;
}

/** Permissions of the task `test`, without its folder. */
const permissions = settings.tasks.test.command.split("tests/suite/main.ts").at(-1)!.split(" ")
  .filter((word) => word.startsWith("--allow-"));

/** Longest run of the tests of one mutation, in milliseconds. */
const longest = 240_000;

/** What a run of tests came to. */
export interface TestRun {
  /** Whether all passed. */
  readonly passed: boolean;
  /** The first test that failed; undefined where no test ran to its end. */
  readonly failed: string | undefined;
  /** End of what was printed. */
  readonly output: string;
}

/**
 * Runs test files of a tree up to the first failure.
 *
 * @param most Milliseconds after which they are ended
 */
export async function runTests(
  root: string,
  tests: readonly string[],
  most = longest,
): Promise<TestRun> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const checks = [
      "--no-check",
      "--lock=deno.dev.lock",
      "--frozen",
      "--fail-fast",
      `--junit-path=${report}`,
    ];
    const { code, stdout, stderr } = await new Deno.Command("deno", {
      args: ["test", ...checks, ...permissions, ...tests],
      cwd: root,
      env: { NO_COLOR: "1" },
      ...(most < Infinity && { signal: AbortSignal.timeout(most) }),
    }).output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    const failed = code === 0 ? undefined : firstFailure(await Deno.readTextFile(report));
    return { passed: code === 0, failed, output: text.trimEnd().slice(-2000) };
  } finally {
    await Deno.remove(report);
  }
}

/** File and name of the first failed test of a report: a file that does not load has none. */
function firstFailure(report: string): string | undefined {
  const cases = /<testcase name="([^"]*)" classname="([^"]*)"(.*?)<\/testcase>/gs;
  for (const [, name = "", file = "", body = ""] of report.matchAll(cases)) {
    if (body.includes("<failure")) return `${file.replace(/^\.\//, "")}: ${unescaped(name)}`;
  }
  return undefined;
}

function unescaped(text: string): string {
  const signs: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(\w+);/g, (found, name) => signs[name] ?? found)
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
}

/** Makes one source of a copy wrong, runs the tests of the mutation, and puts the source back. */
export async function attempt(copy: Copy, mutation: Mutation): Promise<Trial> {
  const started = performance.now();
  const end = (verdict: Trial["verdict"], detail: string): Trial => {
    return { mutation, verdict, detail, seconds: (performance.now() - started) / 1000 };
  };
  let source: string;
  let wrong: string;
  try {
    source = await copy.read(mutation.file);
    wrong = mutated(source, mutation);
  } catch (error) {
    return end("does not apply", error instanceof Error ? error.message : String(error));
  }
  await copy.write(mutation.file, wrong);
  try {
    const { passed, failed, output } = await runTests(copy.root, mutation.tests);
    if (passed) return end("survived", mutation.why);
    if (failed !== undefined) return end("killed", failed);
    const told = output.split("\n").find((line) => /error: (?!Test failed)/.test(line));
    return end("broken", told ?? "no test ran to its end");
  } finally {
    await copy.write(mutation.file, source);
  }
}

/** Tries mutations, one at a time in each copy, the next one in the copy that is free. */
export async function attemptAll(
  copies: readonly Copy[],
  mutations: readonly Mutation[],
  told: (trial: Trial) => void,
): Promise<Trial[]> {
  const waiting = mutations.map((mutation, place) => ({ mutation, place }));
  const trials = new Array<Trial>(mutations.length);
  await Promise.all(copies.map(async (copy) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      told(trials[next.place] = await attempt(copy, next.mutation));
    }
  }));
  return trials;
}
