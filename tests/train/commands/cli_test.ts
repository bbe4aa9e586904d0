import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { OptionSpec } from "../../../train/config/options.ts";
import { type TaskName, trainOptions } from "../../../train/config/train_options.ts";
import { generates } from "../../../train/data/text_tasks.ts";
import { type CommandResult, hiddenkey, untimed } from "../../support/cli.ts";
import { changed, tensors } from "../../support/cli_cases.ts";
import {
  namesIn,
  readAdapter,
  readMetrics,
  readTimeless,
  Workspace,
} from "../../support/workspace.ts";
import { e2eInputs } from "../../support/workspace_data.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

type Flags = Readonly<Record<string, string | number | true>>;

function flagsOf(flags: Flags): string[] {
  return Object.entries(flags).map(([flag, value]) => {
    return value === true ? `--${flag}` : `--${flag}=${value}`;
  });
}

/** Runs `train` on a task of the workspace and requires that it ends well. */
async function trained(task: TaskName, name: string, flags: Flags = {}): Promise<CommandResult> {
  const usual = {
    task,
    data: workspace.data(task),
    model: workspace.model(generates(task) ? "gpt2" : "bert"),
    out: workspace.out(name),
    ...("config" in flags || "preset" in flags ? {} : { batch: 8, epochs: 2, lr: 5e-3 }),
  };
  return await succeeded("train", ...flagsOf({ ...usual, ...flags }));
}

async function succeeded(...args: string[]): Promise<CommandResult> {
  const result = await hiddenkey(...args);
  assertEquals([result.err, result.code], ["", 0]);
  return result;
}

// The runs that several tests look at, made once.
const runs = {
  rte: trained("rte", "rte", { method: "hiddenkey" }),
  stsb: trained("stsb", "stsb"),
  e2e: trained("e2e", "e2e", { "new-tokens": 12, lr: 0.05, epochs: 4 }),
};
for (const run of Object.values(runs)) run.catch(() => {});

const figures: [keyof typeof runs, string[]][] = [
  ["rte", ["accuracy", "loss", "nll", "brier", "ece"]],
  ["stsb", ["pearson", "spearman", "mse", "loss"]],
  ["e2e", ["loss", "perplexity", "bleu"]],
];
for (const [task, names] of figures) {
  Deno.test(`eval prints the figures that training on ${task} ended with`, async () => {
    const { out: log } = await runs[task];
    const run = workspace.out(task);
    const last = (await readMetrics(run)).at(-1)!;
    const [plain, json] = await Promise.all([
      succeeded("eval", "--run", run),
      succeeded("eval", run, "--json"),
    ]);
    const found = JSON.parse(json.out);
    assertEquals(Object.keys(found), names);
    for (const name of names) {
      const expected = last[`eval_${name}`]!;
      assertAlmostEquals(found[name], expected, 1e-6 * Math.max(1, Math.abs(expected)));
      assertStringIncludes(plain.out, `${name} ${found[name].toFixed(6)}\n`);
      assertStringIncludes(untimed(log), `  ${name} ${expected.toFixed(4)}`);
    }
  });
}

Deno.test("eval reads what it evaluates and nothing else", async () => {
  await Promise.all([runs.rte, runs.e2e]);
  for (const [task, file, test] of [["rte", "dev.tsv", "test.tsv"], ["e2e", "devset.csv", ""]]) {
    const data = await Deno.makeTempDir({ dir: workspace.root });
    const [own, name] = [workspace.data(task as TaskName), task as string];
    await Deno.copyFile(`${own}/${file}`, `${data}/${file}`);
    await succeeded("eval", "--run", workspace.out(name), "--data", data, "--generate", "0");
    const path = test === "" ? `${own}/testset.csv` : `${own}/${test}`;
    const { code, err } = await hiddenkey("eval", workspace.out(name), "--split", "test");
    assertMatch(err, /^error: [^\n]+ split test as (labels|references) are required: [^\n]+\n$/);
    assertEquals([code, err.startsWith(`error: ${path}: `)], [1, true]);
  }
});

Deno.test("train says what it uses and shows its steps", async () => {
  const out = untimed((await runs.rte).out);
  assertMatch(out, /^backend: /m);
  assertMatch(out, /^data: RTE, 32 training examples$/m);
  // Two layers, each with query and value of 8 x (16 + 16), and a head of 2 x 16 + 2.
  assertMatch(out, /^trainable: 1,024 LoRA \(\d+\.\d{2} %\), 34 head, of \d+,\d{3} parameters$/m);
  assertMatch(out, /^step 0 {2}epoch 0\.00 {2}accuracy \d\.\d{4} /m);
  assertMatch(
    out,
    /^step 1\/8 {2}0:\d\d<\d:\d\d {2}loss \d\.\d+ \+ KL \d\.\d+ {2}dev accuracy \d/m,
  );
  assertMatch(out, /^step 8 {2}epoch 2\.00 {2}accuracy /m);
  assertMatch(out, /^done {6}after step 8 of 8, epoch 2\.00, in \d:\d\d$/m);
});

Deno.test("predict writes GLUE's test file for RTE", async () => {
  await runs.rte;
  const args = ["predict", "--run", workspace.out("rte")];
  const input = ["--input", `${workspace.data("rte")}/test.tsv`];
  const file = workspace.out("rte.tsv");
  const [printed, written] = await Promise.all([
    succeeded(...args, ...input),
    succeeded(...args, ...input, "--out", file),
  ]);
  const [header, ...rows] = printed.out.split("\n");
  assertEquals(header, "index\tprediction");
  assertEquals(rows.pop(), "");
  assertEquals(rows.map((row) => row.split("\t")[0]), Array.from({ length: 16 }, (_, i) => `${i}`));
  for (const row of rows) assertMatch(row, /^\d+\t(not_)?entailment$/);
  assertEquals([await Deno.readTextFile(file), written.out], [printed.out, `wrote ${file}\n`]);
  // The test file holds the development pairs, so accuracy follows from the predictions.
  const dev = (await Deno.readTextFile(`${workspace.data("rte")}/dev.tsv`)).trimEnd().split("\n");
  const labels = dev.slice(1).map((line) => line.split("\t")[3]);
  const right = rows.filter((row, i) => row.split("\t")[1] === labels[i]).length;
  assertEquals(right / 16, (await readMetrics(workspace.out("rte"))).at(-1)!["eval_accuracy"]);
});

Deno.test("predict writes three decimals for STS-B", async () => {
  await runs.stsb;
  const input = `${workspace.data("stsb")}/test.tsv`;
  const { out } = await succeeded("predict", "--run", workspace.out("stsb"), "--input", input);
  assertMatch(out, /^index\tprediction\n(\d+\t-?\d+\.\d{3}\n){16}$/);
});

Deno.test("predict writes one line for each distinct input of E2E", async () => {
  await runs.e2e;
  const input = `${workspace.data("e2e")}/testset.csv`;
  const { out } = await succeeded("predict", "--run", workspace.out("e2e"), "--input", input);
  assertEquals(out.split("\n").length - 1, e2eInputs);
});

Deno.test("eval and predict read the test files of WebNLG, seen and unseen categories apart", async () => {
  const run = workspace.out("webnlg");
  await trained("webnlg", "webnlg", { "max-steps": 1, generate: 0, "new-tokens": 4 });
  const input = `${workspace.data("webnlg")}/test/testdata_no_lex.xml`;
  const [evaluated, predicted] = await Promise.all([
    succeeded("eval", run, "--split", "test", "--generate", "5", "--json"),
    succeeded("predict", "--run", run, "--input", input),
  ]);
  const parts = ["bleu", "bleu_unseen", "bleu_seen"];
  assertEquals(Object.keys(JSON.parse(evaluated.out)), ["loss", "perplexity", ...parts]);
  assertEquals(predicted.out.split("\n").length - 1, e2eInputs);
});

/** A model that writes " pub", a line break, " pub", … after any context. */
async function lineBreaker(): Promise<string> {
  const llama = workspace.model("llama");
  const { model } = JSON.parse(await Deno.readTextFile(`${llama}/tokenizer.json`));
  const vocabulary: Record<string, number> = model.vocab;
  const [pub, end] = [vocabulary["Ġpub"]!, vocabulary["Ċ"]!];
  const bytes = await tensors(llama, (tensor) => {
    const values = new Float32Array(tensor.bytes.slice().buffer);
    const { name, shape } = tensor;
    const [rows = 0, columns = 0] = shape;
    if (/(o_proj|down_proj|embed_tokens|lm_head)\.weight$/.test(name)) values.fill(0);
    if (name.includes("embed_tokens")) {
      for (let row = 0; row < rows; row++) values[row * columns + (row === pub ? 1 : 0)] = 1;
    } else if (name.includes("lm_head")) {
      values[pub * columns] = values[end * columns + 1] = 1;
    } else if (name === "model.norm.weight") values.fill(1);
    return [{ ...tensor, bytes: new Uint8Array(values.buffer) }];
  });
  return await changed(llama, `${workspace.root}/breaker`, "model.safetensors", () => bytes);
}

Deno.test("predict keeps a continuation with line breaks on one line", async () => {
  const model = await lineBreaker();
  await trained("e2e", "breaks", { model, lr: 0, "max-steps": 1, "new-tokens": 6 });
  const input = `${workspace.data("e2e")}/testset.csv`;
  const { out } = await succeeded("predict", "--run", workspace.out("breaks"), "--input", input);
  assertStringIncludes(out, "pub");
  assertEquals(out.split("\n").length - 1, e2eInputs, JSON.stringify(out.slice(0, 80)));
});

Deno.test("predict names the line of a malformed input and writes nothing", async () => {
  await runs.rte;
  const [input, file] = [workspace.out("short.tsv"), workspace.out("short.out")];
  await Deno.writeTextFile(input, "index\tsentence1\tsentence2\n0\ta dog .\n");
  const args = ["--run", workspace.out("rte"), "--input", input, "--out", file];
  const { code, err, out } = await hiddenkey("predict", ...args);
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, `error: ${input}:2: `);
  assert(!namesIn(workspace.root).includes("short.out"));
});

Deno.test("Flags win over the file, the file over the preset, the preset over defaults", async () => {
  const config = workspace.out("options.json");
  const batch = { batch: 16, maxLength: 40, trainLimit: 16 };
  const json = { ...batch, lr: 1e-3, weightDecay: 0.2, targets: ["key"], perHead: false };
  await Deno.writeTextFile(config, JSON.stringify(json));
  const run = async (name: string, flags: Flags) => {
    await trained("rte", name, { config, "max-steps": 1, ...flags });
    return JSON.parse(await Deno.readTextFile(`${workspace.out(name)}/run.json`)).config;
  };
  const [plain, preset, flags] = await Promise.all([
    run("from file", {}),
    run("from preset", { preset: "paper" }),
    run("from flags", { preset: "paper,neftune", lr: 2e-3, epochs: 4, targets: "query,key" }),
  ]);
  const pick = ({ kl, epochs, weightDecay, lr, batch, targets, perHead }: typeof plain) => {
    return [kl, epochs, weightDecay, lr, batch, targets, perHead];
  };
  assertEquals(pick(plain), [1, 3, 0.2, 1e-3, 16, ["key"], false]);
  assertEquals(pick(preset), [1, 30, 0.2, 1e-3, 16, ["key"], false]);
  assertEquals(pick(flags), [1, 4, 0.2, 2e-3, 16, ["query", "key"], false]);
  assertEquals([preset.neftuneAlpha, flags.neftuneAlpha], [undefined, 5]);
  const saved = await Deno.readTextFile(`${workspace.out("from flags")}/hiddenkey_config.json`);
  assertEquals(JSON.parse(saved).plan.neftuneAlpha, 5);
});

Deno.test("--resume takes the run's own options and ends as the whole run", async () => {
  await runs.rte;
  const name = "saved rte";
  const out = workspace.out(name);
  await trained("rte", name, { method: "hiddenkey", "save-every": 3 });
  assertEquals(await readAdapter(out), await readAdapter(workspace.out("rte")));
  const before = await readTimeless(out);
  const { out: log } = await succeeded("train", "--resume", `${out}/checkpoint-3`);
  assertMatch(untimed(log), /^resumed from .*checkpoint-3 at step 3$/m);
  assertEquals(await readTimeless(out), before);
  assertEquals(await readAdapter(out), await readAdapter(workspace.out("rte")));
});

/** The help of an option, from its flag on, in one line. */
function helpOf(help: string, flag: string): string {
  const start = help.search(new RegExp(`^  --(no-)?${flag}( |$)`, "m"));
  assert(start >= 0, `--${flag} is missing`);
  const next = help.indexOf("\n  --", start);
  return help.slice(start, next < 0 ? undefined : next).split("\n\n")[0]!.replace(/\s+/g, " ");
}

Deno.test("--help lists every option of train with its default", async () => {
  const { out } = await succeeded("train", "--help");
  const undefaulted: string[] = [];
  for (const [name, spec] of Object.entries<OptionSpec>(trainOptions)) {
    const { kind, help } = spec;
    const usual = "default" in spec ? spec.default : undefined;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const lines = helpOf(out, flag);
    assertStringIncludes(lines, help);
    const shown = /\(default: (.+)\)/.exec(lines)?.[1];
    if (spec.required) assertStringIncludes(lines, "(required)");
    if (kind === "switch" || spec.required) continue;
    if (usual !== undefined) assertEquals(shown, String(usual), name);
    else if (shown === undefined) undefaulted.push(name);
  }
  assertEquals(undefaulted, []);
  for (const flag of ["preset", "config", "resume", "verbose", "help"]) helpOf(out, flag);
});

Deno.test("--help lists the options of eval, predict and parity", async () => {
  const options = {
    eval: ["run", "split", "data", "model", "backend", "dtype", "dev-limit", "json", "verbose"],
    predict: ["run", "input", "out", "model", "backend", "verbose"],
    parity: ["root", "dtype", "backend", "json"],
  };
  for (const [command, flags] of Object.entries(options)) {
    const { out } = await succeeded(command, "--help");
    for (const flag of [...flags, "help"]) helpOf(out, flag);
  }
});
