import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { evalCommand } from "../../../train/commands/eval.ts";
import type { GivenConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { readConfig } from "../../../train/run/load_model.ts";
import { loadTokenizer } from "../../../train/run/load_tokenizer.ts";
import { readLabelled } from "../../../train/tasks/read_labelled.ts";
import { openTask } from "../../../train/tasks/open.ts";
import type { TaskParts } from "../../../train/tasks/task.ts";
import { train } from "../../../train/train.ts";
import { readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const usual: TaskParts = { train: true, split: "dev" };

const labelled = (changes: GivenConfig, parts = usual, task: TaskName = "rte") =>
  readLabelled(workspace.config(task, changes), [], parts);

async function opened(task: TaskName, changes: GivenConfig) {
  const config = workspace.config(task, changes);
  return await openTask(config, await readConfig(config.model), await loadTokenizer(config.model));
}

/** A folder with the training file alone. */
async function withoutDev(task: TaskName): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: workspace.root });
  const data = workspace.data(task);
  for (const { name } of Deno.readDirSync(data)) {
    if (name.startsWith("train")) await Deno.copyFile(`${data}/${name}`, `${folder}/${name}`);
  }
  return folder;
}

Deno.test("--dev-fraction parts the training rows, the same of each class, and reads no dev file", async () => {
  const all = (await labelled({})).train;
  const data = await withoutDev("rte");
  const { train, dev, places, notes, path } = await labelled({ data, devFraction: 0.25 });
  assertEquals(dev.length, 8);
  const rows = [...train, ...dev].toSorted((a, b) => a.index - b.index);
  assertEquals(rows, [...all]);
  for (const label of [0, 1]) {
    const own = all.filter((one) => one.label === label).length;
    const held = dev.filter((one) => one.label === label).length;
    assert(Math.abs(held - own / 4) < 1, `${held} of ${own}`);
  }
  assertEquals(notes, [
    "8 of 32 training examples are held back to evaluate, and no dev file is read",
  ]);
  assertEquals(path, `${data}/train.tsv`);
  // Messages name the row that an example was read from.
  dev.forEach(({ index }, i) => assertEquals(places.dev.at(i)?.row, index + 1));
  train.forEach(({ index }, i) => assertEquals(places.train.at(i)?.row, index + 1));
  assertEquals(places.dev.at(dev.length), undefined);
  await assertRejects(() => labelled({ data }), FileError);
});

Deno.test("what is held back follows the seed of the order alone, and an evaluation finds it again", async () => {
  const held = async (changes: GivenConfig, parts?: TaskParts) => {
    const { train, dev } = await labelled({ devFraction: 0.25, ...changes }, parts);
    return { train: train.map(({ index }) => index), dev: dev.map(({ index }) => index) };
  };
  const first = await held({ seed: 3 });
  assertEquals(await held({ seed: 9, orderSeed: 3, maskSeed: 4, initSeed: 5 }), first);
  assertNotEquals((await held({ seed: 3, orderSeed: 4 })).dev, first.dev);
  const again = await held({ seed: 3 }, { train: false, split: "dev" });
  assertEquals(again, { train: [], dev: first.dev });
  // Another split is what its file holds.
  const test = await labelled({ devFraction: 0.25 }, { train: true, split: "test" });
  assertEquals([test.train.length, test.notes], [32, []]);
});

Deno.test("equal texts are held back together", async () => {
  const data = await withoutDev("rte");
  const path = `${data}/train.tsv`;
  const [header, ...rows] = (await Deno.readTextFile(path)).trimEnd().split("\n");
  await Deno.writeTextFile(path, [header, ...rows, ...rows].join("\n") + "\n");
  const { train, dev } = await labelled({ data, devFraction: 0.3 });
  const texts = new Set(train.map(({ textA, textB }) => `${textA}\t${textB}`));
  assertEquals(train.length + dev.length, 2 * rows.length);
  for (const { textA, textB } of dev) assertEquals(texts.has(`${textA}\t${textB}`), false);
});

Deno.test("scores are one class, and a part of one example is refused", async () => {
  const { train, dev } = await labelled({ devFraction: 0.5 }, usual, "stsb");
  assert(Math.abs(train.length - dev.length) <= 1);
  await assertRejects(
    async () => {
      const data = await withoutDev("rte");
      const lines = (await Deno.readTextFile(`${data}/train.tsv`)).split("\n").slice(0, 2);
      await Deno.writeTextFile(`${data}/train.tsv`, `${lines.join("\n")}\n`);
      await labelled({ data, devFraction: 0.5 });
    },
    OptionError,
    "Cannot use --dev-fraction",
  );
});

Deno.test("contexts are held back whole where texts are written, and limits count each part", async () => {
  const whole = await opened("e2e", { generate: 0 });
  const data = await withoutDev("e2e");
  const part = await opened("e2e", { data, devFraction: 0.5, generate: 0 });
  assert(part.train.length < whole.train.length && part.train.length > 0);
  const note = part.notes[0]!;
  const [, held] = /^(\d+) of (\d+) training examples are held back/.exec(note)!;
  assertEquals(Number(held) + part.train.length, whole.train.length);
  const promptOf = ({ ids, predictFrom = 0 }: typeof part.train[number]) =>
    ids.slice(0, predictFrom).join();
  const kept = Map.groupBy(part.train, promptOf);
  const all = Map.groupBy(whole.train, promptOf);
  for (const [prompt, examples] of kept) assertEquals(examples.length, all.get(prompt)!.length);
  assertEquals((await opened("e2e", { data, devFraction: 0.5, trainLimit: 2 })).train.length, 2);
});

Deno.test("what --drop-last leaves out is said, and nothing where all batches are whole", async () => {
  const notesOf = async (changes: GivenConfig) => (await opened("rte", changes)).notes;
  const usual = await notesOf({ batch: 5 });
  const left = await notesOf({ batch: 5, dropLast: true });
  assertEquals(left, ["2 training examples, drawn anew, miss each epoch", ...usual]);
  assertEquals(await notesOf({ batch: 8, dropLast: true }), usual);
});

Deno.test("a resumed run trains on and evaluates the same parts, and so does eval", async () => {
  const data = await withoutDev("rte");
  const run = (name: string, changes: GivenConfig = {}) =>
    workspace.config("rte", {
      data,
      devFraction: 0.25,
      dropLast: true,
      batch: 5,
      epochs: 2,
      saveEvery: 3,
      out: workspace.out(name),
      ...changes,
    });
  const whole = await train(run("whole"));
  // 24 examples are four whole batches.
  assertEquals(whole.steps, 8);
  await train(run("again"), { resume: `${workspace.out("whole")}/checkpoint-3` });
  assertEquals(
    await readTimeless(workspace.out("again")),
    await readTimeless(workspace.out("whole")),
  );
  assertEquals(
    await readAdapter(workspace.out("again")),
    await readAdapter(workspace.out("whole")),
  );
  const { log } = console;
  let printed = "";
  console.log = (line: string) => printed += line;
  try {
    await evalCommand.run([workspace.out("whole"), "--json"]);
    assertEquals(JSON.parse(printed).accuracy, whole.metrics["accuracy"]);
    // Other data have a dev file.
    printed = "";
    await evalCommand.run([workspace.out("whole"), "--json", "--data", workspace.data("rte")]);
  } finally {
    console.log = log;
  }
  assertEquals(typeof JSON.parse(printed).accuracy, "number");
  await assertRejects(
    () => evalCommand.run([workspace.out("whole"), "--data", data]),
    FileError,
  );
  // Fewer rows draw other examples, most of which the run was trained on.
  const rows = (await Deno.readTextFile(`${data}/train.tsv`)).split("\n");
  await Deno.writeTextFile(`${data}/train.tsv`, [rows[0], ...rows.slice(9)].join("\n"));
  await assertRejects(
    () => evalCommand.run([workspace.out("whole"), "--json"]),
    OptionError,
    "Cannot evaluate what --dev-fraction held back as the run's examples, sha256-",
  );
});

Deno.test("--dev-part parts the dev file in two halves, the same for every run, equal in their classes", async () => {
  const all = (await labelled({})).dev;
  const half = async (devPart: "select" | "report", changes: GivenConfig = {}) =>
    (await labelled({ devPart, ...changes })).dev;
  const [select, report] = [await half("select"), await half("report")];
  assertEquals([select.length, report.length], [8, 8]);
  assertEquals([...select, ...report].toSorted((a, b) => a.index - b.index), [...all]);
  for (const label of [0, 1]) {
    const counts = [select, report].map((part) => part.filter((one) => one.label === label).length);
    assert(Math.abs(counts[0]! - counts[1]!) <= 1, `${counts}`);
  }
  assertEquals(await half("select", { seed: 9, orderSeed: 4 }), select);
  const { places, notes, train } = await labelled({ devPart: "report" });
  assertEquals(train.length, 32);
  report.forEach(({ index }, i) => assertEquals(places.dev.at(i)?.row, index + 1));
  assertEquals(notes, ["8 of 16 development examples are evaluated: --dev-part report"]);
  // The test file is evaluated whole.
  const rest = await labelled({ devPart: "report" }, { train: false, split: "test" });
  assertEquals(rest.dev.length, 16);
});

Deno.test("--dev-part keeps the references of a context together", async () => {
  const [all, select, report] = await Promise.all(
    [{}, { devPart: "select" }, { devPart: "report" }].map((changes) =>
      opened("e2e", changes as GivenConfig)
    ),
  );
  assertEquals(select!.dev.length + report!.dev.length, all!.dev.length);
  const contexts = (task: typeof all) =>
    new Set(task!.dev.map(({ ids, predictFrom }) => ids.slice(0, predictFrom).join()));
  assertEquals([...contexts(select)].filter((context) => contexts(report).has(context)), []);
});

Deno.test("--dev-part needs a dev file with two halves", async () => {
  await assertRejects(
    async () => await labelled({ devPart: "select", devFraction: 0.5 }),
    OptionError,
    "--dev-part select with --dev-fraction",
  );
  const folder = await withoutDev("rte");
  const dev = await Deno.readTextFile(`${workspace.data("rte")}/dev.tsv`);
  await Deno.writeTextFile(`${folder}/dev.tsv`, dev.split("\n").slice(0, 2).join("\n"));
  await assertRejects(
    () => labelled({ devPart: "select", data: folder }),
    OptionError,
    "two development examples of one class are required",
  );
});

Deno.test("a saved run is evaluated on its half; on other data the whole dev file is", async () => {
  const out = workspace.out("half");
  const { metrics } = await train(workspace.config("rte", { devPart: "report", out }));
  const { log } = console;
  const said: string[] = [];
  console.log = (line: string) => said.push(line);
  try {
    await evalCommand.run([`--run=${out}`, "--json"]);
    await evalCommand.run([`--run=${out}`, "--json", `--data=${workspace.data("rte")}`]);
  } finally {
    console.log = log;
  }
  const [half, whole] = said.map((line) => JSON.parse(line));
  assertEquals(half, metrics);
  assertNotEquals(whole.loss, metrics["loss"]);
});
