import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileError, OptionError, TrainingError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import { exists } from "../../../train/files/files.ts";
import { FolderLock } from "../../../train/files/lock.ts";
import { readRun } from "../../../train/run/run_folder.ts";
import { train, type TrainHooks } from "../../../train/train.ts";
import {
  namesIn,
  readAdapter,
  readMetrics,
  readTimeless,
  Workspace,
} from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function configOf(name: string, changes: Partial<TrainConfig> = {}): TrainConfig {
  return workspace.config("rte", { method: "hiddenkey", out: workspace.out(name), ...changes });
}

/** Trains until a step, in which the process is as good as killed. */
async function crash(config: TrainConfig, at: number, hooks: TrainHooks = {}): Promise<void> {
  const onStep = ({ step }: { step: number }) => {
    if (step === at) throw new Error("crash");
  };
  await assertRejects(() => train(config, { ...hooks, onStep }), Error, "crash");
}

Deno.test("A run that is over says so, and is not touched", async () => {
  const config = configOf("over", { saveEvery: 3 });
  const result = await train(config);
  const before = await readMetrics(config.out!);
  const messages: string[] = [];
  const again = await train(config, { resume: config.out!, onMessage: (m) => messages.push(m) });
  assertEquals(again, result);
  assert(messages.at(-1)!.includes("is over: step 8 of 8"), messages.at(-1));
  assertEquals(await readMetrics(config.out!), before);
  const other = { ...config, out: workspace.out("over elsewhere") };
  assertEquals(await train(other, { resume: config.out! }), result);
  assertEquals(await exists(other.out), false);
});

Deno.test("A run that is over goes on with more epochs where it has a checkpoint", async () => {
  const config = configOf("more epochs", { saveEvery: 3 });
  await train(config);
  const longer = { ...config, epochs: 3 };
  await assertRejects(() => train(longer, { resume: config.out! }), OptionError, "--epochs 3");
  const { step } = await train(longer, { resume: config.out!, change: true });
  assertEquals(step, 12);
  const { segments, config: saved } = await readRun(config.out!);
  assertEquals(segments, [{ step: 6, changes: { epochs: { from: 2, to: 3 } } }]);
  assertEquals(saved["epochs"], 3);
  const without = configOf("no checkpoint");
  await train(without);
  await assertRejects(
    () => train({ ...without, epochs: 3 }, { resume: without.out!, change: true }),
    FileError,
    "checkpoint-N folder is required",
  );
});

Deno.test("Settings that differ are refused with both values, or make a segment", async () => {
  const config = configOf("changed", { saveEvery: 2 });
  await crash(config, 5);
  const before = await readMetrics(config.out!);
  const changed = { ...config, lr: 1e-3, rate: { hidden: 0.2, logits: 0.1 } };
  const error = await assertRejects(() => train(changed, { resume: config.out! }), OptionError);
  assert(error.message.includes("--lr 0.001 and --rate "), error.message);
  assert(error.message.includes("as the run has 0.005 and the default: --change"), error.message);
  assertEquals(await readMetrics(config.out!), before);
  // What no result depends on may differ.
  const free = { ...config, threads: 1, kernels: "javascript", saveEvery: 3, keep: 2 } as const;
  await crash(free, 7, { resume: config.out! });
  assertEquals((await readRun(config.out!)).segments, []);
  await train(changed, { resume: config.out!, change: true });
  const { segments } = await readRun(config.out!);
  assertEquals(segments.map(({ step }) => step), [6]);
  assertEquals(segments[0]!.changes, {
    lr: { from: 0.005, to: 0.001 },
    rate: { from: null, to: { hidden: 0.2, logits: 0.1 } },
  });
  // The step before the segment is one of the run as it was.
  const back = `${config.out}/checkpoint-4`;
  await assertRejects(() => train(changed, { resume: back }), OptionError, "--lr 0.001");
  await train(config, { resume: back });
  assertEquals((await readRun(config.out!)).segments, []);
});

Deno.test("Order of keys is no change", async () => {
  const config = configOf("keys", { saveEvery: 2, rate: { hidden: 0.2, logits: 0.1 } });
  await crash(config, 5);
  await train({ ...config, rate: { logits: 0.1, hidden: 0.2 } }, { resume: config.out! });
});

Deno.test("Other training data are refused, or make a segment", async () => {
  const data = workspace.out("other data");
  await Deno.mkdir(data);
  for (const name of namesIn(workspace.data("rte"))) {
    await Deno.copyFile(`${workspace.data("rte")}/${name}`, `${data}/${name}`);
  }
  const config = configOf("data changed", { saveEvery: 2, data });
  await crash(config, 5);
  const rows = (await Deno.readTextFile(`${data}/train.tsv`)).split("\n");
  await Deno.writeTextFile(
    `${data}/train.tsv`,
    [rows[0], rows[2], rows[1], ...rows.slice(3)].join("\n"),
  );
  const resume = config.out!;
  const error = await assertRejects(() => train(config, { resume }), OptionError);
  assert(
    /training data of the run, sha256-\w{64}, are required/.test(error.message),
    error.message,
  );
  await train(config, { resume, change: true });
  const { segments } = await readRun(config.out!);
  assertEquals(Object.keys(segments[0]!.changes), ["trainingData"]);
});

Deno.test("A run that was stopped before its first checkpoint begins again", async () => {
  const config = configOf("early", { saveEvery: 5 });
  await crash(config, 4);
  const messages: string[] = [];
  await train(config, { resume: config.out!, onMessage: (line) => messages.push(line) });
  assert(messages.some((line) => line.includes("no checkpoint yet")), messages.join("\n"));
  const whole = configOf("early, whole", { saveEvery: 5 });
  await train(whole);
  assertEquals(await readAdapter(config.out!), await readAdapter(whole.out!));
  assertEquals(await readTimeless(config.out!), await readTimeless(whole.out!));
});

Deno.test("A run that fails before its first step is done leaves the folder as it was", async () => {
  const fails = { kl: 1e308, compensation: "kl" } as const;
  const config = configOf("first step", fails);
  await assertRejects(() => train(config), TrainingError);
  assertEquals(await exists(config.out!), false);
  await Deno.mkdir(config.out!);
  await assertRejects(() => train(config), TrainingError);
  assertEquals(namesIn(config.out!), []);
  await train({ ...config, kl: 1 });
  const from = configOf("copied", { saveEvery: 4 });
  await crash(from, 6);
  const other = { ...from, ...fails, out: workspace.out("copied, first step") };
  const resumed = { resume: from.out!, change: true };
  await assertRejects(() =>
    train(other, { ...resumed, signal: AbortSignal.abort(), onMessage: fail })
  );
  assertEquals(await exists(other.out), false);
});

function fail(line: string): void {
  if (line.startsWith("resumed from")) throw new Error("failed");
}

Deno.test("A folder that holds anything else is not touched", async () => {
  const out = workspace.out("other things");
  await Deno.mkdir(out);
  await Deno.writeTextFile(`${out}/thesis.tex`, "");
  await assertRejects(() => train(configOf("other things")), FileError, "found thesis.tex");
  assertEquals(namesIn(out), ["thesis.tex"]);
  await assertRejects(
    () => train(configOf("other things/thesis.tex")),
    FileError,
    "found a file",
  );
});

Deno.test("Two processes do not write in one folder", async () => {
  const config = configOf("held", { saveEvery: 2 });
  await crash(config, 5);
  const names = namesIn(config.out!);
  {
    await using _lock = await FolderLock.take(config.out!);
    const error = await assertRejects(() => train(config, { resume: config.out! }), FileError);
    assert(error.message.includes(`found process ${Deno.pid} on`), error.message);
    assertEquals(error.path, config.out);
    const fresh = await assertRejects(() => train(config), FileError);
    assert(fresh.message.includes("no other process may hold it"), fresh.message);
  }
  // What a killed process left is no lock.
  await Deno.writeTextFile(`${config.out}/run.lock`, `{"pid":1,"host":"elsewhere"}\n`);
  await train(config, { resume: config.out! });
  assertEquals(namesIn(config.out!).includes("run.lock"), false);
  assertNotEquals(namesIn(config.out!), names);
});

Deno.test("best/ and last/ hold the adapters of those evaluations", async () => {
  const seen: { step: number; adapter: Uint8Array; accuracy: number }[] = [];
  const config = configOf("best", { epochs: 5, evalEvery: 2, bestMetric: "loss" });
  const result = await train(config, {
    async onEvaluation({ step, eval_loss: loss }) {
      if (step === 0) return;
      seen.push({ step, adapter: await readAdapter(`${config.out}/last`), accuracy: loss! });
    },
  });
  const least = seen.reduce((best, one) => one.accuracy < best.accuracy ? one : best);
  assertEquals(result.best!.step, least.step);
  assertNotEquals(least.step, seen.at(-1)!.step);
  assertEquals(await readAdapter(`${config.out}/best`), least.adapter);
  assertEquals(await readAdapter(config.out!), seen.at(-1)!.adapter);
  assertEquals(await readAdapter(`${config.out}/last`), seen.at(-1)!.adapter);
  const chosen = configOf("best chosen", {
    epochs: 5,
    evalEvery: 2,
    bestMetric: "loss",
    result: "best",
  });
  await train(chosen);
  assertEquals(await readAdapter(chosen.out!), least.adapter);
  const card = await Deno.readTextFile(`${chosen.out}/README.md`);
  assert(card.includes(`after step ${least.step}:`), card);
});

Deno.test("A run that stops early holds the best adapter, and is over", async () => {
  const config = configOf("stopped", { epochs: 20, lr: 0.05, earlyStop: 2, saveEvery: 4 });
  const result = await train(config);
  assertEquals(result.stoppedEarly, true);
  assertEquals(result.step, result.best!.step + 8);
  assertEquals(await readAdapter(config.out!), await readAdapter(`${config.out}/best`));
  assertEquals(await train(config, { resume: config.out! }), result);
  const whole = await readTimeless(config.out!);
  await train(config, { resume: `${config.out}/checkpoint-4` });
  assertEquals(await readTimeless(config.out!), whole);
});

Deno.test("The adapter is there before an evaluation that fails", async () => {
  const config = configOf("failing metric");
  const fail = ({ step }: { step: number }) => {
    if (step === 8) throw new Error("metric");
  };
  await assertRejects(() => train(config, { onEvaluation: fail }), Error, "metric");
  const whole = configOf("failing metric, whole");
  await train(whole);
  assertEquals(await readAdapter(`${config.out}/last`), await readAdapter(whole.out!));
});

Deno.test("Old checkpoints go as new ones come", async () => {
  const config = configOf("kept", { saveEvery: 1, keep: 2 });
  await crash(config, 6);
  const checkpoints = () => namesIn(config.out!).filter((name) => name.includes("checkpoint"));
  assertEquals(checkpoints(), ["checkpoint-4", "checkpoint-5"]);
  await train({ ...config, keep: 1 }, { resume: config.out! });
  assertEquals(checkpoints(), ["checkpoint-7"]);
});
