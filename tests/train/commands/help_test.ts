import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import metadata from "../../../deno.json" with { type: "json" };
import { command } from "../../../train/commands/command.ts";
import { runProgram } from "../../../train/commands/program.ts";
import { presetRows } from "../../../train/config/presets.ts";
import { DeviceError } from "../../../core/errors.ts";
import { hiddenkey, inGroups, task } from "../../support/cli.ts";

const commands = "train eval predict parity score noise merge data tables".split(" ");
const sweeps = ["plan", "run", "status", "collect"];
const benches = ["product", "step", "rowwise", "dispatch", "load", "profile", "generate", "peers"];

/** Command lines that end before their options: each command, each bench, the bundle, the lab and mutations. */
const lines: readonly (readonly string[])[] = [
  ...commands.map((name) => [name]),
  ...[...benches, "variants"].map((name) => ["bench", name]),
  ...sweeps.map((name) => ["sweep", name]),
  ["bundle"],
  ["lab"],
  ["mutate"],
];

Deno.test("every command answers -h, --help and --version, and has a task", async () => {
  await inGroups(lines, async ([name = "", ...args]) => {
    const [short, long, version] = await Promise.all(
      ["-h", "--help", "--version"].map((flag) => task(name, ...args, flag)),
    );
    assertEquals([short!.code, short!.err], [0, ""], name);
    assertEquals(short, long);
    assertMatch(short!.out, /^[A-Z].+\.\n\n(.*\n)* {2}.*deno task (.*\n)+\nOther:\n {2}--verbose /);
    for (const line of short!.out.split("\n")) assert(line.length <= 100, line);
    assertEquals(version, { code: 0, out: `hiddenkey ${metadata.version}\n`, err: "" });
  });
});

Deno.test("the programs list their commands, with one line each", async () => {
  const [train, short, bench, sweep] = await Promise.all([
    hiddenkey("--help"),
    hiddenkey("-h"),
    task("bench", "--help"),
    task("sweep", "--help"),
  ]);
  assertEquals(train, short);
  for (const name of sweeps) assertMatch(sweep.out, new RegExp(`^  ${name} +[A-Z].+$`, "m"));
  for (const name of [...commands, "sweep"]) {
    assertMatch(train.out, new RegExp(`^  ${name} +[A-Z].+$`, "m"));
  }
  for (const name of benches) assertMatch(bench.out, new RegExp(`^  ${name} +[A-Z].+$`, "m"));
  assertEquals((await hiddenkey("--version")).out, `hiddenkey ${metadata.version}\n`);
});

Deno.test("bench, bundle and lab refuse bad input in one line", async () => {
  const cases: [args: string[], says: string][] = [
    [["bench"], "one of product, step"],
    [["bench", "prodct"], "the nearest one is product"],
    [["bench", "product", "--thread", "1"], "nearest known one is --threads"],
    [["bench", "dispatch", "x"], "the word x"],
    [["bench", "generate"], "without --model"],
    [["bench", "peers", "--rounds", "0"], "--rounds"],
    [["bench", "variants", "--backend", "cpu", "--top", "0"], "--top"],
    [["bundle", "a", "b"], "the word b"],
    [["bundle", "--ot", "a"], "--out"],
    [["lab", "--port", "65536"], "--port"],
    [["lab", "x"], "the word x"],
  ];
  await inGroups(cases, async ([[name = "", ...args], says]) => {
    const { code, out, err } = await task(name, ...args);
    assertEquals([code, out], [1, ""], err);
    assertMatch(err, /^error: [^\n]+\n$/);
    assertStringIncludes(err, says);
  });
});

Deno.test("train groups its options and says what a switch does", async () => {
  const { out } = await hiddenkey("train", "--help");
  const headings = [...out.matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading);
  assertEquals(headings, [
    ...[
      "Presets",
      "Data",
      "Model",
      "LoRA",
      "Dropout",
      "Optimiser",
      "Device",
      "Processes",
      "Generation (e2e, webnlg, completion, chat)",
      "Evaluation",
    ],
    ...["Output", "Configuration", "Other"],
  ]);
  assertMatch(out, /^ {2}--no-bucket +draw batches from all lengths instead of similar ones$/m);
  for (const [name, text] of presetRows) assertStringIncludes(out, `  ${name.padEnd(17)}${text}\n`);
  assertMatch(out, /^ {2}--half +keep frozen matrices in the 16 bits of their file$/m);
  assertMatch(
    out,
    /^ {2}--quantize int8\|nf4 +keep frozen matrices of the layers in 8 bits, or in 4/m,
  );
});

Deno.test("eval and predict say that what is not given is the run's", async () => {
  for (const name of ["eval", "predict"]) {
    const { out } = await hiddenkey(name, "--help");
    const text = out.replace(/\s+/g, " ");
    assertMatch(text, /--model TEXT [^()]*\(default: the run's\)/);
    assertMatch(text, /--beams N [^()]*\(default: the run's\)/);
  }
});

/** A command that does what it is told, and what the program wrote to standard error. */
async function ended(run: () => Promise<number | void>, ...args: string[]) {
  const done = command({ summary: "s", usage: "u", verb: "go", options: {}, run });
  const original = console.error;
  const shown: unknown[] = [];
  console.error = (what: unknown) => shown.push(what);
  try {
    const code = await runProgram({ usage: "u", commands: { done } }, ["done", ...args]);
    return { code, shown };
  } finally {
    console.error = original;
  }
}

Deno.test("an exit code is the command's, 1 after an error, 3 where the device was lost", async () => {
  const fail = (error: Error) => () => Promise.reject(error);
  assertEquals(await ended(() => Promise.resolve()), { code: 0, shown: [] });
  assertEquals(await ended(() => Promise.resolve(130)), { code: 130, shown: [] });
  assertEquals(await ended(fail(new Error("no"))), { code: 1, shown: ["error: no"] });
  assertEquals(await ended(fail(new DeviceError("gone"))), { code: 3, shown: ["error: gone"] });
  const error = new Error("no");
  assertEquals(await ended(fail(error), "--verbose"), { code: 1, shown: [error] });
});
