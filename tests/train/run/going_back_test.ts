/** A run that goes back says what it had done there: no evaluation twice, none of other data. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import { readRun } from "../../../train/run/run_folder.ts";
import { train, type TrainHooks } from "../../../train/train.ts";
import { contentsOf } from "../../support/run_contents.ts";
import { namesIn, readMetrics, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Data whose development examples take two batches. */
const data = workspace.out("longer dev");
await Deno.mkdir(data);
const [train32, dev16] = await Promise.all(
  ["train", "dev"].map((name) => Deno.readTextFile(`${workspace.data("rte")}/${name}.tsv`)),
);
await Deno.writeTextFile(`${data}/train.tsv`, train32!);
await Deno.writeTextFile(`${data}/dev.tsv`, dev16! + train32!.slice(train32!.indexOf("\n") + 1));

function configOf(name: string, changes: Partial<TrainConfig> = {}): TrainConfig {
  return workspace.config("rte", {
    data,
    backend: "cpu",
    threads: 1,
    out: workspace.out(name),
    ...changes,
  });
}

/** Trains until a step, in which the process is as good as killed. */
async function crash(config: TrainConfig, at: number, hooks: TrainHooks = {}): Promise<void> {
  const onStep = ({ step }: { step: number }) => {
    if (step === at) throw new Error("crash");
  };
  await assertRejects(() => train(config, { ...hooks, onStep }), Error, "crash");
}

/** Stops a run at a step, before the evaluation behind it, which a checkpoint then has to come. */
async function stopBeforeEvaluation(config: TrainConfig, at: number): Promise<void> {
  const controller = new AbortController();
  if (at === 0) controller.abort();
  const { step, aborted } = await train(config, {
    signal: controller.signal,
    onStep: (record) => record.step === at ? controller.abort() : undefined,
  });
  assertEquals([step, aborted, (await checkpointedAt(config, at))["evaluated_step"]], [
    at,
    true,
    at === 0 ? -1 : 0,
  ]);
}

async function checkpointedAt({ out }: TrainConfig, step: number) {
  return JSON.parse(await Deno.readTextFile(`${out}/checkpoint-${step}/trainer_state.json`));
}

/** Steps of the evaluations in metrics.jsonl. */
async function evaluatedSteps(run: string): Promise<number[]> {
  const lines = await readMetrics(run);
  return lines.filter((line) => "eval_loss" in line).map(({ step }) => step!);
}

for (const at of [0, 4]) {
  Deno.test(`An evaluation that a signal left to come, behind step ${at}, is told once`, async () => {
    const whole = configOf(`once, whole, ${at}`);
    await train(whole);
    const config = configOf(`once, ${at}`);
    await stopBeforeEvaluation(config, at);
    // The evaluation comes, and goes again with the process.
    await crash(config, at + 2, { resume: config.out! });
    assertEquals((await evaluatedSteps(config.out!)).at(-1), at);
    const other = { ...config, out: workspace.out(`once, copied, ${at}`) };
    await train(other, { resume: config.out! });
    await train(config, { resume: config.out! });
    const expected = await readTimeless(whole.out!);
    assertEquals(await readTimeless(config.out!), expected);
    assertEquals(await readTimeless(other.out), expected);
    const adapters = (contents: Record<string, string>) =>
      Object.entries(contents).filter(([path]) => /^\/(?:best|last|adapter)/.test(path));
    assertEquals(adapters(await contentsOf(config.out!)), adapters(await contentsOf(whole.out!)));
  });
}

Deno.test("A run that was enough evaluated as it goes on ends with metrics", async () => {
  const config = configOf("enough", { saveEvery: 3, evalEvery: 1, lr: 0, evalStart: false });
  await train(config);
  const resume = { resume: `${config.out}/checkpoint-3`, change: true };
  const { step, stoppedEarly, metrics } = await train({ ...config, earlyStop: 2 }, resume);
  assertEquals([step, stoppedEarly], [3, true]);
  const { result } = await readRun(config.out!);
  assertEquals(result!["figures"], metrics);
  assert("accuracy" in metrics, JSON.stringify(metrics));
});

Deno.test("Evaluations of other development data are not compared", async () => {
  const config = configOf("other dev", { saveEvery: 2, bestMetric: "loss", lr: 1e-9 });
  await crash(config, 7);
  const { json } = await readRun(config.out!);
  assert(/^sha256-\w{64}$/.test(json["developmentData"] as string));
  const folder = workspace.out("edited dev");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/train.tsv`, train32!);
  // Every example has the class that was predicted more seldom: the loss is larger than ever.
  const [{ eval_loss: loss }] = await readMetrics(config.out!) as [Record<string, number>];
  const rows = dev16!.trimEnd().split("\n");
  const oneClass = (label: string) =>
    [rows[0], ...rows.slice(1).map((row) => row.replace(/\t[^\t]*$/, `\t${label}`))].join("\n");
  const changed = { ...config, data: folder };
  const found: number[] = [];
  for (const label of ["entailment", "not_entailment"]) {
    await Deno.writeTextFile(`${folder}/dev.tsv`, `${oneClass(label)}\n`);
    const { metrics } = await train({ ...changed, out: workspace.out(label), maxSteps: 1 });
    found.push(metrics["loss"]!);
    if (metrics["loss"]! > loss!) break;
  }
  assert(found.at(-1)! > loss!);
  const resume = { resume: config.out! };
  await assertRejects(() => train(changed, resume), OptionError, "--data");
  const crashes = { ...resume, change: true };
  await crash(changed, 7, crashes);
  // What is resumed is the checkpoint of before the change.
  const result = await train(changed, resume);
  assertEquals([result.best?.step, result.best?.value], [8, result.metrics["loss"]]);
  const { segments } = await readRun(config.out!);
  assertEquals(Object.keys(segments[0]!.changes), ["data", "developmentData"]);
});

Deno.test("Development data that were edited are refused, both named", async () => {
  const folder = workspace.out("edited in place");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/train.tsv`, train32!);
  await Deno.writeTextFile(`${folder}/dev.tsv`, dev16!);
  const config = configOf("edited", { data: folder, saveEvery: 2 });
  await crash(config, 3);
  await Deno.writeTextFile(
    `${folder}/dev.tsv`,
    dev16!.trimEnd().split("\n").slice(0, -1).join("\n"),
  );
  const error = await assertRejects(() => train(config, { resume: config.out! }), OptionError);
  assert(/the development data of the run, sha256-\w{64}, are/.test(error.message), error.message);
});

Deno.test("A run that goes back before its data were changed wants those it had", async () => {
  const config = configOf("data went back", { saveEvery: 2 });
  await crash(config, 5);
  const changed = { ...config, trainLimit: 30, devLimit: 8 };
  await train(changed, { resume: config.out!, change: true });
  const names = ["trainLimit", "devLimit", "trainingData", "developmentData"].sort();
  const { segments } = await readRun(config.out!);
  assertEquals(segments.map(({ changes }) => Object.keys(changes).sort()), [names]);
  await train(config, { resume: `${config.out}/checkpoint-2` });
  const whole = configOf("data stayed", { saveEvery: 2 });
  await train(whole);
  assertEquals(await readTimeless(config.out!), await readTimeless(whole.out!));
  assertEquals((await readRun(config.out!)).segments, []);
});

Deno.test("A run does not go on with fewer steps than are done", async () => {
  const config = configOf("fewer steps", { saveEvery: 2 });
  await crash(config, 7);
  const before = await contentsOf(config.out!);
  const shorter = { ...config, maxSteps: 5 };
  const error = await assertRejects(
    () => train(shorter, { resume: config.out!, change: true, signal: AbortSignal.abort() }),
    OptionError,
  );
  assertEquals(
    error.message,
    `Cannot go on from ${config.out}/checkpoint-6 as at least 6 steps are required of --epochs and ` +
      "--max-steps: found 5",
  );
  assertEquals(await contentsOf(config.out!), before);
  const { step } = await train({ ...config, maxSteps: 6 }, { resume: config.out!, change: true });
  assertEquals(step, 6);
});

Deno.test("An evaluation that comes again is judged where it is by another metric", async () => {
  const config = configOf("judged again", { saveEvery: 4 });
  await train(config);
  const resume = { resume: `${config.out}/checkpoint-4`, change: true };
  const shorter = { ...config, maxSteps: 4, bestMetric: "loss", result: "best" } as const;
  const { best, metrics } = await train(shorter, resume);
  assertEquals([best?.metric, best?.step, best?.value], ["loss", 4, metrics["loss"]]);
  assertEquals(namesIn(`${config.out}/best`).includes("adapter_model.safetensors"), true);
});
