import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gradient } from "../../core/gradient.ts";
import { foldKey, seedKey } from "../../core/random.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { countTargets, toBatch } from "../../nn/layers/batch.ts";
import { parameters } from "../../nn/layers/module.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { architectureOf } from "../../nn/models/registry.ts";
import { objective } from "../../nn/objective/objective.ts";
import type { GivenConfig, TrainConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import { stepWindows } from "../../train/data/batches.ts";
import { generates } from "../../train/data/text_tasks.ts";
import { addAdapter } from "../../train/run/adapter.ts";
import { openClassifier, openLanguageModel, readConfig } from "../../train/run/load_model.ts";
import { loadTokenizer } from "../../train/run/load_tokenizer.ts";
import { openTask } from "../../train/tasks/open.ts";
import { train } from "../../train/train.ts";
import { assertClose } from "../support/differences.ts";
import { withDevice } from "../support/with_device.ts";
import { readMetrics, Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

let runs = 0;

/** Runs `train()` and reads what it logged of its steps. */
async function logged(task: TaskName, changes: GivenConfig) {
  const config = workspace.config(task, {
    out: workspace.out(`run-${++runs}`),
    dtype: "f64",
    generate: 0,
    ...changes,
  });
  await train(config);
  const steps = (await readMetrics(config.out!)).filter((line) => "loss" in line);
  return { config, steps };
}

/**
 * What the steps of a run without a learning rate must log: each is one pass over its whole window,
 * whose masks follow the seed, the step and each example's place in the window.
 */
async function expected(config: TrainConfig, steps: number) {
  const { task: name, model: folder, seed, smoothing } = config;
  const records: Record<string, number>[] = [];
  await withDevice("f64", async (device) => {
    const key = seedKey(seed);
    const initial = foldKey(key, "initialisation");
    const architecture = await readConfig(folder);
    const task = await openTask(config, architecture, await loadTokenizer(folder));
    const { model } = generates(name)
      ? await openLanguageModel(folder, device, initial)
      : await openClassifier(folder, device, initial, task.labels);
    const { rank, alpha, rslora } = config;
    const modulesToSave = generates(name) ? [] : ["classifier", "score"];
    const { targets } = architectureOf(architecture);
    addAdapter(model, { targets, rank, alpha, rslora, modulesToSave }, device, initial);
    trainHead(model);
    const tensors = [...parameters(model)].filter(([, { trainable }]) => trainable)
      .map(([, { value }]) => value);
    const plan = dropoutPlan(config.method, architecture.causal, config);
    const windowOf = stepWindows(task.train.map(({ ids }) => ids.length), {
      size: config.batch * config.accumulate,
      bucket: config.bucket,
      key: foldKey(key, "order"),
    });
    for (let step = 0; step < steps; step++) {
      using _scope = device.scope("step");
      const examples = windowOf(step).map((i) => task.train[i]!);
      const { padId, regression } = task;
      const numbers = examples.map((_, place) => place);
      const batch = toBatch(device, examples, { padId, regression, numbers });
      const { result, gradients } = gradient(() =>
        objective(model, batch, {
          plan,
          key: foldKey(foldKey(key, "dropout"), step),
          smoothing,
          regression,
          normaliser: countTargets(examples),
        }), tensors);
      let squares = 0;
      for (const g of gradients) for (const x of await g!.read()) squares += x ** 2;
      const { loss, task: own, compensation } = result;
      records.push({
        loss: await loss.item(),
        task_loss: await own.item(),
        ...(compensation && { compensation: await compensation.item() }),
        grad_norm: Math.sqrt(squares),
      });
    }
  });
  return records;
}

const settings: readonly (readonly [TaskName, GivenConfig])[] = [
  ["rte", { method: "hiddenkey", rate: 0.3, kl: 0.5, smoothing: 0.1, batch: 3, accumulate: 2 }],
  ["rte", { method: "lora-dropout", rate: 0.4, bucket: false, seed: 9, rslora: true }],
  ["stsb", { method: "hiddenkey", rate: 0.3, compensation: "js", branches: 2, accumulate: 3 }],
  ["e2e", { method: "hiddenkey", rate: 0.3, branches: 2, batch: 5, accumulate: 2, layers: "all" }],
  ["e2e", { method: "dropattention", rate: 0.4, structure: "span", smoothing: 0.2, batch: 7 }],
];

for (const [task, changes] of settings) {
  const title = Object.entries(changes).map((pair) => pair.join(" ")).join(", ");
  Deno.test(`each step of ${task} with ${title} is that of its window, seed and number`, async () => {
    const { config, steps } = await logged(task, { lr: 0, maxSteps: 3, seed: 5, ...changes });
    const records = await expected(config, 3);
    assertEquals(steps.length, 3);
    for (const [i, record] of records.entries()) {
      for (const [name, x] of Object.entries(record)) {
        assertClose([steps[i]![name]!], [x], 1e-12, 1e-10);
      }
      assertEquals("compensation" in steps[i]!, "compensation" in record);
    }
  });
}

Deno.test("one window has other masks at every step, and of every seed", async () => {
  // All examples in one window, without a learning rate: masks alone differ.
  const seen: number[] = [];
  for (const seed of [1, 2]) {
    const all = { batch: 32, epochs: 3, lr: 0, seed, bucket: false } as const;
    const { steps } = await logged("rte", { ...all, method: "dropkey", rate: 0.3 });
    seen.push(...steps.map(({ loss }) => loss!));
    const clean = (await logged("rte", all)).steps.map(({ loss }) => loss!);
    // Without dropout the order alone differs.
    assertClose(clean, clean.map(() => clean[0]!), 1e-12);
  }
  assertEquals(new Set(seen).size, 6);
});

Deno.test("a run's rate rises over the warm-up and falls to zero behind its last step", async () => {
  const { steps } = await logged("rte", { epochs: 2.5, lr: 0.01, warmup: 0.3 });
  // Ten steps, of which three warm up.
  const factors = [0, 1 / 3, 2 / 3, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7];
  assertClose(steps.map((line) => line["learning_rate"]!), factors.map((x) => 0.01 * x), 1e-16);
  assertClose(steps.map(({ epoch }) => epoch!), factors.map((_, i) => (i + 1) / 4), 1e-15);
  assertEquals(steps.map(({ step }) => step), factors.map((_, i) => i + 1));
});

Deno.test("the first step of a warm-up changes nothing, and later ones do", async () => {
  const { steps } = await logged("rte", { batch: 32, epochs: 4, warmup: 1, bucket: false });
  const losses = steps.map(({ loss }) => loss!);
  assertClose([losses[1]!], [losses[0]!], 1e-12);
  assertNotEquals(losses[2], losses[1]);
  assert(losses[3]! < losses[0]!);
});

Deno.test("the seed decides the adapter, the head and the order", async () => {
  const changes = { lr: 0, maxSteps: 1, batch: 4, bucket: false } as const;
  const first = [];
  for (const seed of [1, 1, 2]) first.push((await logged("rte", { ...changes, seed })).steps[0]!);
  const [a, b, c] = first.map(({ loss, grad_norm }) => [loss, grad_norm]);
  assertEquals(a, b);
  assertNotEquals(a, c);
});
