/** What `predict` writes: probabilities, JSON, texts of the command line, figures, drawn texts. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import { evalCommand } from "../../../train/commands/eval.ts";
import { predictCommand } from "../../../train/commands/predict.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { train } from "../../../train/train.ts";
import { namesIn, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const device = ["--backend=cpu", "--threads=1"];
const small = { backend: "cpu", threads: 1, maxSteps: 3, devLimit: 8 } as const;

/** Makes the run of a task once. */
const runs = new Map<string, Promise<string>>();
function runOf(task: TaskName, data?: string): Promise<string> {
  const name = `${task} ${data}`;
  const made = runs.get(name) ?? (async () => {
    const out = workspace.out(`run of ${name.replaceAll("/", " ")}`);
    const own = data === undefined ? {} : { data };
    await train(workspace.config(task, { ...small, ...own, method: "hiddenkey", out }));
    return out;
  })();
  runs.set(name, made);
  return made;
}

let files = 0;

/** Runs `predict` and gives its lines, and what it writes to standard error. */
async function predicted(run: string, ...args: readonly string[]) {
  const out = workspace.out(`lines ${files++}`);
  const { error } = console;
  const said: string[] = [];
  console.error = (text: string) => void said.push(text);
  try {
    await predictCommand.run(["--run", run, "--out", out, ...device, ...args]);
  } finally {
    console.error = error;
  }
  const text = await Deno.readTextFile(out);
  assert(text.endsWith("\n"));
  return { lines: text.slice(0, -1).split("\n"), said: said.join("\n") };
}

/** Metrics that `eval` prints. */
async function evaluated(run: string, ...args: readonly string[]): Promise<Record<string, number>> {
  const { log } = console;
  let text = "";
  console.log = (line: string) => void (text += line);
  try {
    await evalCommand.run(["--run", run, "--json", "--dev-limit=1000", ...device, ...args]);
  } finally {
    console.log = log;
  }
  return JSON.parse(text);
}

const figuresOf = (said: string) =>
  Object.fromEntries(
    said.split("\n").slice(1).map((line) => line.split(" ")).map(([name, value]) => {
      return [name!, Number(value)];
    }),
  );

const rowsOf = (lines: readonly string[]) => lines.slice(1).map((line) => line.split("\t"));

Deno.test("predict adds a probability for each class, and JSON has all their digits", async () => {
  const run = await runOf("rte");
  const input = ["--input", `${workspace.data("rte")}/test.tsv`];
  const plain = await predicted(run, ...input);
  const { lines, said } = await predicted(run, ...input, "--probabilities");
  assertEquals(said, "");
  assertEquals(lines[0], "index\tprediction\tentailment\tnot_entailment");
  assertEquals(rowsOf(lines).map((row) => row.slice(0, 2)), rowsOf(plain.lines));
  const json = (await predicted(run, ...input, "--json")).lines.map((line) => JSON.parse(line));
  for (const [i, [index, prediction, ...shares]] of rowsOf(lines).entries()) {
    const [first, second] = shares.map(Number) as [number, number];
    assertAlmostEquals(first + second, 1, 2e-6);
    assertEquals(prediction, first > second ? "entailment" : "not_entailment");
    const { probabilities, ...rest } = json[i];
    assertEquals(rest, { index: Number(index), prediction });
    const exact = [probabilities.entailment, probabilities.not_entailment];
    assertEquals(exact.map((share) => share.toFixed(6)), shares);
    assertAlmostEquals(exact[0] + exact[1], 1, 1e-12);
  }
});

Deno.test("predict says what labels say of its probabilities, as eval does", async () => {
  const run = await runOf("rte");
  const input = ["--input", `${workspace.data("rte")}/dev.tsv`, "--json"];
  const { lines, said } = await predicted(run, ...input);
  const rows = lines.map((line) => JSON.parse(line));
  const wanted = await evaluated(run);
  const found = figuresOf(said);
  assertStringIncludes(said, `labels of all ${rows.length} texts`);
  assertEquals(Object.keys(found), Object.keys(wanted));
  for (const [name, value] of Object.entries(wanted)) assertAlmostEquals(found[name]!, value, 1e-6);
  const nll = rows.reduce(
    (sum, { probabilities, label }) => sum - Math.log(probabilities[label]),
    0,
  );
  assertAlmostEquals(nll / rows.length, wanted["nll"]!, 1e-9);
  const sampled = await predicted(run, ...input, "--samples=3");
  assert("mutual_information" in figuresOf(sampled.said));
  const disagreement = sampled.lines.map((line) => JSON.parse(line).mutual_information);
  const mean = disagreement.reduce((a, b) => a + b, 0) / disagreement.length;
  assertAlmostEquals(mean, figuresOf(sampled.said)["mutual_information"]!, 1e-6);
});

Deno.test("predict reads the labels of CoLA's file without a header", async () => {
  const run = await runOf("cola");
  const { lines, said } = await predicted(run, "--input", `${workspace.data("cola")}/dev.tsv`);
  const found = figuresOf(said);
  const wanted = await evaluated(run);
  assertAlmostEquals(found["matthews"]!, wanted["matthews"]!, 1e-6);
  const count = (await Deno.readTextFile(`${workspace.data("cola")}/dev.tsv`)).trimEnd().split(
    "\n",
  );
  assertEquals(lines.length, count.length + 1);
});

Deno.test("predict writes scores and how far they lie apart", async () => {
  const run = await runOf("stsb");
  const input = ["--input", `${workspace.data("stsb")}/test.tsv`];
  const plain = rowsOf((await predicted(run, ...input)).lines);
  const score = await predicted(run, ...input, "--probabilities");
  assertEquals(score.lines[0], "index\tprediction\tscore");
  for (const [i, [index, short, long]] of rowsOf(score.lines).entries()) {
    assertEquals([index, short], plain[i]);
    assertEquals(Number(long).toFixed(3), Number(short).toFixed(3));
  }
  const spread = await predicted(run, ...input, "--probabilities", "--samples=4");
  assertEquals(spread.lines[0], "index\tprediction\tscore\tdeviation");
  const json = (await predicted(run, ...input, "--json", "--samples=4")).lines
    .map((line) => JSON.parse(line));
  for (const [i, [index, , mean, deviation]] of rowsOf(spread.lines).entries()) {
    const { prediction, ...rest } = json[i];
    assertEquals([prediction.toFixed(6), rest.deviation.toFixed(6)], [mean, deviation]);
    assertEquals(Object.keys(rest), ["index", "deviation"]);
    assertEquals(`${rest.index}`, index);
    assert(rest.deviation > 0);
  }
  const labelled = await predicted(run, "--input", `${workspace.data("stsb")}/dev.tsv`);
  assertAlmostEquals(
    figuresOf(labelled.said)["pearson"]!,
    (await evaluated(run))["pearson"]!,
    1e-6,
  );
});

Deno.test("texts of the command line are those of a file", async () => {
  const run = await runOf("rte");
  const path = `${workspace.data("rte")}/test.tsv`;
  const pairs = (await Deno.readTextFile(path)).trimEnd().split("\n").slice(1, 4)
    .map((line) => line.split("\t").slice(1));
  const args = pairs.flatMap(([a, b]) => ["--text-a", a!, "--text-b", b!]);
  const of = await predicted(run, ...args, "--json");
  const file = await predicted(run, "--input", path, "--json");
  const [own, read] = [of.lines, file.lines.slice(0, 3)].map((lines) =>
    lines.map((line) => JSON.parse(line))
  );
  assertEquals(own!.map(({ index, prediction }) => [index, prediction]), [
    ...read!.map(({ index, prediction }) => [index, prediction]),
  ]);
  own!.forEach(({ probabilities }, i) => {
    assertAlmostEquals(probabilities.entailment, read![i].probabilities.entailment, 1e-6);
  });
});

/** A run of three classes whose words do not fit into columns as they are. */
async function oddRun(): Promise<string> {
  const data = workspace.out("odd");
  await Deno.mkdir(data, { recursive: true });
  const words = ["a\tb", "two\nlines", "__proto__"];
  const rows = Array.from(
    { length: 12 },
    (_, i) => ({ text: `the dog ${i}`, label: words[i % 3] }),
  );
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
  await Deno.writeTextFile(`${data}/train.jsonl`, lines.join(""));
  await Deno.writeTextFile(`${data}/dev.jsonl`, lines.slice(0, 6).join(""));
  await Deno.writeTextFile(
    `${data}/other.jsonl`,
    lines[0]! + lines[1]! + '{"text":"a cat","label":"none"}\n',
  );
  return await runOf("classification", data);
}

Deno.test("columns stay columns whatever the classes are called", async () => {
  const run = await oddRun();
  const text = ["--text", "the cat", "--text", "-5 dogs", "--text", "a, b"];
  const { lines } = await predicted(run, ...text, "--probabilities");
  assertEquals(lines.map((line) => line.split("\t").length), [5, 5, 5, 5]);
  assertEquals(new Set(lines[0]!.split("\t").slice(2)), new Set(["a b", "two lines", "__proto__"]));
  for (const line of (await predicted(run, ...text, "--json")).lines) {
    const { probabilities, prediction } = JSON.parse(line);
    const shares = Object.values(probabilities) as number[];
    assertEquals(Object.keys(probabilities).sort(), ["__proto__", "a\tb", "two\nlines"]);
    assertAlmostEquals(shares.reduce((a, b) => a + b), 1, 1e-12);
    const own = new Map(Object.entries(probabilities)).get(prediction);
    assertEquals(own, Math.max(...shares));
  }
});

Deno.test("labels that the run does not know are left alone", async () => {
  const run = await oddRun();
  const { lines, said } = await predicted(
    run,
    "--input",
    workspace.out("odd/other.jsonl"),
    "--json",
  );
  assertEquals([lines.length, said], [3, ""]);
  assertEquals(lines.map((line) => JSON.parse(line).label), ["a\tb", "two\nlines", undefined]);
  const known = await predicted(run, "--input", workspace.out("odd/dev.jsonl"));
  assert("accuracy" in figuresOf(known.said));
});

const meaning = "name[Blue Spice], eatType[coffee shop]";

Deno.test("texts are drawn by seed and place alone", async () => {
  const run = await runOf("e2e");
  const twice = ["--text", meaning, "--text", meaning, "--text", "name[The Eagle]"];
  const draw = async (...args: readonly string[]) =>
    (await predicted(run, ...twice, "--sample", "--temperature=1.4", ...args)).lines;
  const drawn = await draw();
  assertEquals(drawn.length, 3);
  assert(drawn[0] !== drawn[1], "each text is drawn for itself");
  assertEquals(await draw("--batch=1"), drawn);
  assertEquals(await draw("--kernels=simd", "--batch=2"), drawn);
  assertEquals(await draw("--sample-seed=0"), await draw("--sample-seed=0"));
  assert((await draw("--sample-seed=4")).join() !== (await draw("--sample-seed=5")).join());
  const greedy = (await predicted(run, ...twice)).lines;
  assertEquals(greedy[0], greedy[1]);
  assertEquals((await predicted(run, ...twice, "--sample", "--temperature=1e-9")).lines, greedy);
  assertEquals((await predicted(run, ...twice, "--sample", "--top-k=1")).lines, greedy);
  assertEquals((await predicted(run, ...twice, "--sample", "--top-p=1e-9")).lines, greedy);
  const json = (await predicted(run, ...twice, "--json")).lines.map((line) => JSON.parse(line));
  assertEquals(json.map(({ index, input }) => [index, input]), [
    [0, "name : Blue Spice | Type : coffee shop"],
    [1, "name : Blue Spice | Type : coffee shop"],
    [2, "name : The Eagle"],
  ]);
  assertEquals(json.map(({ prediction }) => prediction.replace(/\s*[\r\n]+\s*/g, " ")), greedy);
});

Deno.test("a file that exists is replaced with --force alone", async () => {
  const run = await runOf("rte");
  const out = workspace.out("exists.tsv");
  await Deno.writeTextFile(out, "mine");
  const args = ["--run", run, "--text-a", "a", "--text-b", "b", ...device, "--out"];
  const refused = () => predictCommand.run([...args, out]);
  const error = await assertRejects(refused, FileError, "--force is required");
  assertEquals([error.path, await Deno.readTextFile(out)], [out, "mine"]);
  await predictCommand.run([...args, out, "--force"]);
  assertStringIncludes(await Deno.readTextFile(out), "index\tprediction\n");
  const folder = () => predictCommand.run([...args, workspace.model("bert"), "--force"]);
  await assertRejects(
    folder,
    FileError,
    "Cannot replace file as it requires a readable file: found a",
  );
  assertEquals(namesIn(workspace.root).filter((name) => name.endsWith(".tmp")), []);
});

Deno.test("what does not fit the task is refused by name", async () => {
  const [rte, e2e] = [await runOf("rte"), await runOf("e2e")];
  const odd = await oddRun();
  const cases: [string, string[], string][] = [
    [rte, ["--text", "a"], "found --text"],
    [rte, ["--text-a", "a"], "found --text-a"],
    [rte, ["--text-a", "a", "--text-b", "b", "--text-a", "c"], "found 2 and 1 texts"],
    [rte, ["--input", "x", "--text-a", "a", "--text-b", "b"], "found --input and --text-a and"],
    [rte, ["--input", "x", "--sample"], "--sample as a task of texts is required: found rte"],
    [odd, ["--text-a", "a", "--text-b", "b"], "--input or --text is required for task class"],
    [e2e, [], "--input, --text or --text-a and --text-b is required"],
    [e2e, ["--text", meaning, "--temperature=2"], "--temperature as --sample is required"],
    [e2e, ["--text", meaning, "--sample-seed=2"], "--sample-seed as --sample is required"],
    [e2e, ["--text", meaning, "--sample", "--beams=4"], "--beams 1 is required: found 4"],
    [e2e, ["--text", meaning, "--sample", "--top-p=1.5"], "--top-p as a number above 0 and at"],
    [e2e, ["--text", meaning, "--probabilities"], "--probabilities as a task of classes"],
    [e2e, ["--text", "nothing"], "a list of slot[value] is required"],
  ];
  for (const [run, args, says] of cases) {
    await assertRejects(() => predicted(run, ...args), OptionError, says);
  }
});
