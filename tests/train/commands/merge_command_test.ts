import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { mergeCommand } from "../../../train/commands/merge.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { train } from "../../../train/train.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const readConfig = async (path: string) =>
  JSON.parse(await Deno.readTextFile(`${path}/config.json`));

/** What the command prints. */
async function command(...args: string[]): Promise<string> {
  const original = console.log;
  const lines: string[] = [];
  console.log = (line: string) => lines.push(line);
  try {
    assertEquals(await mergeCommand.run(args), 0);
  } finally {
    console.log = original;
  }
  return lines.join("\n");
}

Deno.test("merge --run merges a run, with its tokenizer and the names of its classes", async () => {
  const run = workspace.out("merged-run");
  await train(workspace.config("rte", { out: run, maxSteps: 2 }));
  const out = `${workspace.root}/merged-run-model`;
  assertMatch(
    await command("--run", run, "--out", out),
    /^wrote .*: \d+ tensors, 6 of them changed\nlargest logit difference .*: \d\.\d+e-\d+ \(largest/,
  );
  const base = workspace.model("bert");
  assertEquals(namesIn(out), namesIn(base));
  assertEquals(
    await Deno.readFile(`${out}/vocab.txt`),
    await Deno.readFile(`${base}/vocab.txt`),
  );
  const { id2label, problem_type } = await readConfig(out);
  assertEquals(id2label, { 0: "entailment", 1: "not_entailment" });
  assertEquals(problem_type, "single_label_classification");
  const weights = (folder: string) => Deno.readFile(`${folder}/model.safetensors`);
  assertNotEquals(await weights(out), await weights(base));
});

Deno.test("merge --dtype writes every weight in the type of that name", async () => {
  const run = workspace.out("typed-run");
  await train(workspace.config("rte", { out: run, maxSteps: 1, devLimit: 1 }));
  for (const dtype of ["f64", "f32", "f16", "bf16"] as const) {
    const out = workspace.out(`typed-${dtype}`);
    await command("--run", run, "--out", out, "--dtype", dtype);
    using file = await Checkpoint.open(out);
    const found = new Set(file.names().map((name) => file.entry(name).dtype));
    assertEquals([...found].map((name) => name.toLowerCase()), [dtype]);
  }
});

Deno.test("merge --run keeps the words of the user's own classes", async () => {
  const data = workspace.out("reviews");
  await Deno.mkdir(data);
  const rows = ["the old mole,good", "the hill,bad", "a mole near the hill,fair"];
  for (const split of ["train", "dev"]) {
    await Deno.writeTextFile(`${data}/${split}.csv`, ["text,label", ...rows, ""].join("\n"));
  }
  const run = workspace.out("reviews-run");
  await train(workspace.config("classification", { data, out: run, batch: 3, maxSteps: 1 }));
  const out = workspace.out("reviews-model");
  await command("--run", run, "--out", out, "--backend", "cpu", "--kernels", "javascript");
  const { id2label, label2id } = await readConfig(out);
  assertEquals(id2label, { 0: "bad", 1: "fair", 2: "good" });
  assertEquals(label2id, { bad: 0, fair: 1, good: 2 });
});

Deno.test("mergeCommand() refuses flags that do not go together", async () => {
  const run = (...args: string[]) => mergeCommand.run(args);
  await assertRejects(() => run("--run", "x"), OptionError, "without --out");
  await assertRejects(() => run("--out", "x"), OptionError, "one of --run and --adapter");
  await assertRejects(
    () => run("--out", "x", "--run", "y", "--adapter", "z"),
    OptionError,
    "one of --run and --adapter",
  );
  await assertRejects(() => run("--out", "x", "--adapter", "z"), OptionError, "without --model");
  const none = ["--run", "x", "--out", "y", "--threads", "0"];
  await assertRejects(() => run(...none), OptionError, "--threads");
  await assertRejects(() => run("x"), OptionError, "the word x");
});
