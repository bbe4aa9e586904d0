import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { OptionError } from "../../core/errors.ts";
import { dropoutPlan, type Method, methods } from "../../nn/dropout/methods.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import { openDevice } from "../../train/device/backend.ts";
import { resolveConfig, type TrainConfig } from "../../train/config/config.ts";
import { parseObject } from "../../train/config/parse.ts";
import { type TaskName, trainOptions } from "../../train/config/train_options.ts";
import { openRun, runConfig } from "../../train/run/open_run.ts";
import { openTask } from "../../train/tasks/open.ts";
import type { Metrics } from "../../train/tasks/task.ts";
import { train } from "../../train/train.ts";
import { namesIn, readAdapter, readMetrics, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

const runFiles = [
  ...["README.md", "adapter_config.json", "adapter_model.safetensors", "best"],
  ...["dev_predictions.jsonl", "hiddenkey_config.json", "last", "metrics.jsonl", "run.json"],
];

/** What every classification has beside its own metrics. */
const believed = ["loss", "nll", "brier", "ece"];

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(path));
}

/** The metrics of a saved run, computed anew. */
async function evaluate(run: string): Promise<Metrics> {
  const config = await runConfig(run);
  const { device } = await openDevice(config);
  await using _device = device;
  using _scope = device.scope("evaluation");
  const { model, architecture, tokenizer } = await openRun(run, config, device);
  const task = await openTask(config, architecture, tokenizer);
  return await task.evaluate(model, device, { final: true });
}

/** The last evaluation that a run has logged. */
async function lastEvaluation(run: string): Promise<Metrics> {
  const last = (await readMetrics(run)).at(-1)!;
  return Object.fromEntries(
    Object.entries(last).flatMap(([name, value]) => {
      return name.startsWith("eval_") ? [[name.slice("eval_".length), value]] : [];
    }),
  );
}

const plans: Record<Method, string[]> = {
  "lora": [],
  "lora-dropout": ["lora element"],
  "dropkey": ["logits column"],
  "dropattention": ["weights column"],
  "hiddencut": ["hidden element"],
  "hiddenkey-": ["logits column", "hidden element"],
  "hiddenkey": ["logits column", "hidden element"],
};

for (const method of methods) {
  Deno.test(`train() with ${method} writes the adapter, its settings and its metrics`, async () => {
    const out = workspace.out(`method-${method}`);
    const config = workspace.config("rte", { method, out });
    const result = await train(config);
    assertEquals([result.step, result.steps, result.epoch, result.aborted], [8, 8, 2, false]);
    assertEquals(namesIn(out), runFiles);

    const adapter = await readJson(`${out}/adapter_config.json`);
    assertEquals([adapter["peft_type"], adapter["task_type"]], ["LORA", "SEQ_CLS"]);
    assertEquals([adapter["r"], adapter["lora_alpha"]], [4, 16]);
    assertEquals(adapter["target_modules"], ["query", "value"]);
    assertEquals(adapter["lora_dropout"], method === "lora-dropout" ? 0.1 : 0);
    const own = await readJson(`${out}/hiddenkey_config.json`);
    assertEquals(own["method"], method);
    // The file reproduces the run: by its configuration, and by its sites alone.
    const again = resolveConfig(parseObject(trainOptions, own["config"], "hiddenkey_config.json"));
    assertEquals(again, config);
    const plan = own["plan"] as DropoutPlan;
    assertEquals(dropoutPlan(again.method, false, again), plan);
    const { kind, weight: kl, branches } = plan.compensation;
    const bare = { site: plan.sites, compensation: kind, kl, branches };
    const { task, data, model } = config;
    const other = parseObject(trainOptions, { task, data, model, method: "lora", ...bare }, "f");
    const resolved = resolveConfig(other);
    assertEquals(dropoutPlan(resolved.method, false, resolved), plan);
    const { sites, compensation } = own["plan"] as {
      sites: { position: string; structure: string; rate: number }[];
      compensation: { kind: string };
    };
    assertEquals(sites.map((site) => `${site.position} ${site.structure}`), plans[method]);
    assertEquals(sites.filter(({ rate }) => rate !== 0.1), []);
    assertEquals(compensation.kind, method === "hiddenkey" ? "kl" : "none");

    const run = await readJson(`${out}/run.json`);
    assertEquals(run["config"], JSON.parse(JSON.stringify(config)));
    // Two layers, each with query and value of 4 x (16 + 16), and a head of 2 x 16 + 2.
    assertEquals([run["trainable"], result.trainable], [546, 546]);
    assertEquals((run["result"] as { figures: Metrics }).figures, result.metrics);

    const lines = await readMetrics(out);
    assertEquals(lines.map(({ step }) => step), [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8]);
    const keys = [
      "step",
      "epoch",
      "loss",
      "task_loss",
      "grad_norm",
      "learning_rate",
      "tokens",
      "seconds",
    ];
    if (method === "hiddenkey") keys.push("compensation");
    for (const line of lines) {
      const evaluation = "eval_accuracy" in line;
      const figures = ["accuracy", ...believed].map((name) => `eval_${name}`);
      const expected = evaluation ? ["step", "epoch", ...figures] : keys;
      assertEquals(Object.keys(line).sort(), expected.toSorted());
      assert(Object.values(line).every(Number.isFinite), JSON.stringify(line));
      assertEquals(line["epoch"], line["step"]! / 4);
      if (!evaluation && method === "hiddenkey") {
        const sum = line["task_loss"]! + line["compensation"]!;
        assertAlmostEquals(line["loss"]!, sum, 1e-6);
        assertGreater(line["compensation"]!, 0);
      } else if (!evaluation) assertEquals(line["loss"], line["task_loss"]);
    }
  });
}

const evaluated: [task: TaskName, names: string[], changes: Partial<TrainConfig>][] = [
  ["rte", ["accuracy", ...believed], {}],
  ["stsb", ["pearson", "spearman", "mse", "loss"], {}],
  ["cola", ["matthews", ...believed], {}],
  ["mrpc", ["accuracy", "f1", ...believed], {}],
  ["sst2", ["accuracy", ...believed], {}],
  ["e2e", ["loss", "perplexity", "bleu"], {}],
  ["e2e", ["loss", "perplexity", "bleu"], { model: workspace.model("llama") }],
  ["webnlg", ["loss", "perplexity", "bleu"], {}],
  ["cola", ["matthews", ...believed], { model: workspace.model("llama"), rslora: true }],
  ["stsb", ["pearson", "spearman", "mse", "loss"], {
    model: workspace.model("gpt2"),
    dtype: "f64",
  }],
];
for (const [task, names, changes] of evaluated) {
  const model = changes.model?.split("/").at(-1) ?? "the usual model";
  Deno.test(`openRun() gives back the last evaluation of ${task} on ${model}`, async () => {
    const out = workspace.out(`evaluated-${task}-${model}`);
    const result = await train(workspace.config(task, { ...changes, method: "hiddenkey", out }));
    assertEquals(Object.keys(result.metrics), names);
    const logged = await lastEvaluation(out);
    assertEquals(logged, { ...result.metrics });
    const again = await evaluate(out);
    assertEquals(Object.keys(again), names);
    // The adapter is saved in single precision, so a run in double precision is rounded once.
    const tolerance = changes.dtype === "f64" ? 1e-5 : 1e-6;
    for (const name of names) assertAlmostEquals(again[name]!, logged[name]!, tolerance, name);
  });
}

Deno.test("train() logs loss and perplexity of E2E at every epoch, BLEU at the end", async () => {
  const out = workspace.out("e2e");
  await train(workspace.config("e2e", { out }));
  const evaluations = (await readMetrics(out)).filter((line) => "eval_loss" in line);
  assertEquals(evaluations.map((line) => ["eval_bleu" in line, line["step"]]), [
    [false, 0],
    [false, 4],
    [true, 8],
  ]);
  for (const line of evaluations) {
    assertAlmostEquals(line["eval_perplexity"]!, Math.exp(line["eval_loss"]!), 1e-9);
  }
  const losses = evaluations.map((line) => line["eval_loss"]!);
  assertEquals(losses, losses.toSorted((a, b) => b - a));
});

Deno.test("train() with --generate 0 leaves out generation", async () => {
  const { metrics } = await train(workspace.config("e2e", { generate: 0, maxSteps: 1 }));
  assertEquals(Object.keys(metrics), ["loss", "perplexity"]);
});

Deno.test("train() is a function of the configuration, the seed included", async () => {
  const adapters: Uint8Array[] = [];
  for (const [name, seed] of [["a", 1], ["b", 1], ["c", 2]] as const) {
    const out = workspace.out(`seed-${name}`);
    await train(workspace.config("rte", { method: "hiddenkey", seed, out }));
    adapters.push(await readAdapter(out));
  }
  assertEquals(adapters[0], adapters[1]);
  assertNotEquals(adapters[0], adapters[2]);
});

const continued: [TaskName, string, Partial<TrainConfig>][] = [
  ["stsb", "bert", {}],
  ["stsb", "gpt2", { model: workspace.model("gpt2") }],
  ["e2e", "llama", { model: workspace.model("llama"), targets: ["q_proj", "down_proj"] }],
];
for (const [task, model, changes] of continued) {
  Deno.test(`train() with --adapter begins where ${task} on ${model} ended`, async () => {
    const [first, second] = ["ended", "begun"].map((name) =>
      workspace.out(`${name}-${task}-${model}`)
    );
    await train(workspace.config(task, { ...changes, out: first! }));
    // Without a learning rate the evaluation after a step is that before it.
    const still = { model: changes.model ?? workspace.model("bert"), lr: 0, maxSteps: 1 };
    const lines: string[] = [];
    await train(
      workspace.config(task, { ...still, adapter: first!, out: second!, rank: 5 }),
      { onMessage: (line) => lines.push(line) },
    );
    const kept = lines.filter((line) => line.startsWith("adapter: "));
    assertMatch(kept[0] ?? "", /^adapter: rank stays (4|8), as it was made, and is not 5$/);
    const [ended, begun] = [await lastEvaluation(first!), await lastEvaluation(second!)];
    assertEquals(Object.keys(begun), Object.keys(ended));
    for (const name of Object.keys(ended)) assertAlmostEquals(begun[name]!, ended[name]!, 1e-6);
    const fresh = await train(workspace.config(task, still));
    const [main] = Object.keys(ended);
    assertNotEquals(fresh.metrics[main!], ended[main!]);
    assertEquals(await readAdapter(second!), await readAdapter(first!));
  });
}

Deno.test("train() ends after the running step when it is aborted, and resumes", async () => {
  const [whole, part] = [workspace.out("whole"), workspace.out("aborted")];
  const configOf = (out: string) => workspace.config("rte", { method: "hiddenkey", out });
  await train(configOf(whole));
  const controller = new AbortController();
  const config = configOf(part);
  const steps: number[] = [];
  const result = await train(config, {
    signal: controller.signal,
    onStep({ step }) {
      steps.push(step);
      if (step === 3) controller.abort();
    },
  });
  assertEquals([result.aborted, result.step, result.steps, steps], [true, 3, 8, [1, 2, 3]]);
  assertEquals(namesIn(part), ["checkpoint-3", "metrics.jsonl", "run.json"]);
  const rest = await train(config, { resume: part });
  assertEquals([rest.aborted, rest.step], [false, 8]);
  assertEquals(await readAdapter(part), await readAdapter(whole));
});

Deno.test("train() requires a folder where checkpoints are asked for", async () => {
  await assertRejects(
    () => train(workspace.config("rte", { saveEvery: 2 })),
    OptionError,
    "Cannot use --save-every as a folder is required in --out: found none",
  );
});

Deno.test("train() takes no step when it is aborted before it starts", async () => {
  const result = await train(workspace.config("rte"), { signal: AbortSignal.abort() });
  assertEquals([result.aborted, result.step], [true, 0]);
});

Deno.test("train() tells its caller of each step, then of the evaluation it ends", async () => {
  const told: string[] = [];
  let messages = 0;
  await train(workspace.config("rte", { maxSteps: 6 }), {
    onMessage: () => void messages++,
    async onStep({ step, learning_rate }, steps) {
      assertEquals(steps, 6);
      if (step === 1) assertGreater(messages, 0);
      await new Promise((resolve) => setTimeout(resolve, 1));
      told.push(`step ${step} at ${learning_rate}`);
    },
    async onEvaluation({ step }) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      told.push(`evaluation ${step}`);
    },
  });
  // One step of warm-up, then down by fifths.
  const rate = (left: number) => 5e-3 * (left / 5);
  assertEquals(told, [
    "evaluation 0",
    `step 1 at 0`,
    `step 2 at ${rate(5)}`,
    `step 3 at ${rate(4)}`,
    `step 4 at ${rate(3)}`,
    "evaluation 4",
    `step 5 at ${rate(2)}`,
    `step 6 at ${rate(1)}`,
    "evaluation 6",
  ]);
});
