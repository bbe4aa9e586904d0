import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { hiddenkey, inGroups, listing } from "../../support/cli.ts";
import { badInputs } from "../../support/cli_cases.ts";
import type { BadInput } from "../../support/command_cases.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function commandLine({ name, flags, args }: BadInput): string[] {
  if (args !== undefined) return [...args];
  const usual = {
    task: "rte",
    data: workspace.data("rte"),
    model: workspace.model("bert"),
    batch: "8",
    "max-steps": "1",
    out: workspace.out(`out of ${name}`),
  };
  const all = Object.entries({ ...usual, ...flags });
  return [
    "train",
    ...all.flatMap(([flag, value]) => value === undefined ? [] : `--${flag}=${value}`),
  ];
}

const cases = await badInputs(workspace);
const before = listing(workspace.root);
const results = new Map<string, { code: number; err: string }>();
let ran: Promise<void> | undefined;

/** All cases run together at the first test that needs one of them. */
function runAll(): Promise<void> {
  return ran ??= inGroups(cases, async (one) => {
    results.set(one.name, await hiddenkey(...commandLine(one)));
  });
}

for (const { name, says } of cases) {
  Deno.test(`The command line refuses bad input in one line: ${name}`, async () => {
    await runAll();
    const { code, err } = results.get(name)!;
    assertMatch(err, /^error: [^\n]+\n$/);
    assert(!/^\s+at |Error:|undefined/m.test(err), err);
    for (const part of says) assertStringIncludes(err, part);
    assertEquals(code, 1);
  });
}

Deno.test("Bad input leaves no file behind", async () => {
  await runAll();
  assertEquals(listing(workspace.root).filter((path) => !before.includes(path)), []);
});

Deno.test("--verbose adds the stack to the error", async () => {
  const { code, err } = await hiddenkey("train", "--task", "rte", "--verbose");
  assertEquals(code, 1);
  assertMatch(err, /OptionError: Cannot train without --data.*\n\s+at .*parse\.ts:\d+/);
});

/** Steps with a rate far beyond use: from 1e39 on the weights themselves are not finite. */
function explode(task: "rte" | "e2e", out: string, steps: number, lr: string) {
  const model = workspace.model(task === "rte" ? "bert" : "gpt2");
  const flags = { task, data: workspace.data(task), model, out, lr, warmup: "0" };
  const more = { batch: "8", "max-steps": `${steps}`, "save-every": "1", generate: "0" };
  const args = Object.entries({ ...flags, ...more }).map(([flag, value]) => `--${flag}=${value}`);
  return hiddenkey("train", ...args);
}

Deno.test("A loss that is not finite ends training and leaves the last checkpoint whole", async () => {
  const out = workspace.out("exploded");
  const { code, err } = await explode("rte", out, 4, "1e30");
  assertEquals(code, 1);
  assertMatch(err, /^error: Cannot go on after step 2 as [^\n]+ finite: found [^\n]+\n$/);
  assertEquals(namesIn(out), ["checkpoint-1", "metrics.jsonl", "run.json"]);
  const names = namesIn(`${out}/checkpoint-1`);
  assertEquals(names.length, 6);
  for (const name of names.filter((name) => name.endsWith(".safetensors"))) {
    using file = await Checkpoint.open(`${out}/checkpoint-1/${name}`);
    for (const tensor of file.names()) {
      assert((await file.readFloat(tensor, "f64")).every(Number.isFinite), `${name}: ${tensor}`);
    }
  }
});

Deno.test("A loss of the last evaluation that is not finite is an error too", async () => {
  const out = workspace.out("exploded at the end");
  const { code, err } = await explode("e2e", out, 1, "1e39");
  assertMatch(err, /^error: [^\n]+ finite: found [^\n]+\n$/);
  assertEquals(code, 1);
  assert(!namesIn(out).includes("adapter_model.safetensors"));
});
