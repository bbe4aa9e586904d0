import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { train } from "../../../train/train.ts";
import { contentsOf } from "../../support/run_contents.ts";
import { namesIn, readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function hiddenKey(changes: Partial<TrainConfig> = {}): TrainConfig {
  return workspace.config("rte", { method: "hiddenkey", ...changes });
}

/** Makes a run of eight steps with checkpoints after three and six. */
async function checkpointed(name: string, changes: Partial<TrainConfig> = {}) {
  const out = workspace.out(name);
  const config = hiddenKey({ ...changes, saveEvery: 3, out });
  await train(config);
  return { out, config };
}

/** The same, killed in its seventh step; and what a run is that never was. */
async function crashed(name: string, changes: Partial<TrainConfig> = {}) {
  const whole = await checkpointed(`${name}, whole`, changes);
  const out = workspace.out(name);
  const config = { ...whole.config, out };
  await assertRejects(
    () =>
      train(config, {
        onStep({ step }) {
          if (step === 7) throw new Error("crash");
        },
      }),
    Error,
    "crash",
  );
  return { out, config, whole: await contentsOf(whole.out) };
}

const recipes: Record<string, Partial<TrainConfig>> = {
  "one batch a step": {},
  "two batches a step, without buckets": { accumulate: 2, batch: 4, bucket: false },
  "noise, two draws, LoRA+": { neftuneAlpha: 5, instances: 2, loraplusRatio: 16 },
  "a base in 4 bits": { quantize: "nf4" },
  "a base in 8 bits, layers computed again": { quantize: "int8", gradientCheckpointing: true },
  "a partial last batch, in double precision": { trainLimit: 27, dtype: "f64", weightDecay: 0.1 },
};
for (const [name, changes] of Object.entries(recipes)) {
  Deno.test(`A resumed run ends as one that never stopped: ${name}`, async () => {
    const whole = workspace.out(`whole, ${name}`);
    await train(hiddenKey({ ...changes, out: whole }));
    const { out: saved } = await checkpointed(`saved, ${name}`, changes);
    assertEquals(await readAdapter(saved), await readAdapter(whole));
    assertEquals(await readTimeless(saved), await readTimeless(whole));
    const expected = await contentsOf(saved);
    for (const step of [3, 6]) {
      const out = workspace.out(`resumed from ${step}, ${name}`);
      const config = hiddenKey({ ...changes, saveEvery: 3, out });
      await train(config, { resume: `${saved}/checkpoint-${step}` });
      assertEquals(without(await contentsOf(out), saved, out), without(expected, saved, out));
    }
  });
}

/** Contents in which the names of two runs are one; checkpoints that were copied name the first. */
function without(contents: Record<string, string>, ...runs: readonly string[]) {
  const quoted = runs.map((run) => JSON.stringify(run));
  const blank = (text: string) => quoted.reduce((t, run) => t.replaceAll(run, '"RUN"'), text);
  return Object.fromEntries(Object.entries(contents).map(([path, text]) => [path, blank(text)]));
}

Deno.test("A checkpoint holds the adapter, moments and the step", async () => {
  const { out } = await checkpointed("contents");
  assertEquals(namesIn(out).filter((name) => name.includes("checkpoint")), [
    "checkpoint-3",
    "checkpoint-6",
  ]);
  const folder = `${out}/checkpoint-3`;
  const names = [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "hiddenkey_config.json",
    "optimizer.safetensors",
    "trainer_state.json",
  ];
  assertEquals(namesIn(folder), names);
  assertEquals(namesIn(`${out}/checkpoint-6`), [...names, "best"].sort());
  const metrics = await readTimeless(out);
  const losses = metrics.flatMap(({ task_loss: loss }) => loss === undefined ? [] : [loss]);
  const sum = (list: readonly number[]) => list.reduce((total, loss) => total + loss, 0);
  const { epoch_loss_sum, judged_by, ...state } = await stateOf(folder);
  const { developmentData } = JSON.parse(await Deno.readTextFile(`${out}/run.json`));
  assertEquals(judged_by, {
    developmentData,
    newTokens: 8,
    beams: 1,
    lengthPenalty: 1,
    noRepeatNgram: 0,
    repetitionPenalty: 1,
    beamConvention: "hf",
  });
  assertEquals(epoch_loss_sum, sum(losses.slice(0, 3)));
  assertEquals(state, {
    global_step: 3,
    epoch: 0.75,
    max_steps: 8,
    metric_for_best_model: null,
    best_metric: null,
    best_global_step: null,
    best_epoch: null,
    best_metrics: null,
    evaluations_since_best: 0,
    evaluated_step: 0,
    epoch_loss_steps: 3,
    last_epoch_loss: null,
  });
  const later = await stateOf(`${out}/checkpoint-6`);
  const { eval_accuracy: accuracy } = metrics.find((line) =>
    line["step"] === 4 && "eval_loss" in line
  )!;
  assertEquals([later["best_metric"], later["best_global_step"], later["best_epoch"]], [
    accuracy,
    4,
    1,
  ]);
  assertEquals(later["last_epoch_loss"], sum(losses.slice(0, 4)) / 4);
  using file = await Checkpoint.open(`${folder}/optimizer.safetensors`);
  assertEquals(file.names().toSorted(), ["first", "parameters", "second"]);
  for (const name of file.names()) assertEquals(file.entry(name).shape, [546]);
  // A resumed run must not lean on the moments being zero.
  assert((await file.readFloat("second", "f64")).some((value) => value > 0));
});

async function stateOf(checkpoint: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(`${checkpoint}/trainer_state.json`));
}

Deno.test("Resuming a run goes on from its last checkpoint and rewinds all it did since", async () => {
  const { out, config, whole } = await crashed("in place");
  const messages: string[] = [];
  await train(config, { resume: out, onMessage: (line) => messages.push(line) });
  assert(messages.some((line) => line.endsWith("checkpoint-6 at step 6")), messages.join("\n"));
  assertEquals(await contentsOf(out), whole);
  await train(config, { resume: `${out}/checkpoint-3` });
  assertEquals(await contentsOf(out), whole);
});

Deno.test("Resuming in place takes the folder in another spelling", async () => {
  const { out, config } = await checkpointed("spelling");
  const metrics = await readTimeless(out);
  const [parent, name] = [out.slice(0, out.lastIndexOf("/")), out.slice(out.lastIndexOf("/") + 1)];
  for (const spelling of [`${out}/`, `${parent}/./${name}`]) {
    await train({ ...config, out: spelling }, { resume: out });
    assertEquals(await readTimeless(out), metrics);
  }
});

Deno.test("Resuming works after a crash in the middle of a line of metrics.jsonl", async () => {
  const { out, config, whole } = await crashed("torn");
  const path = `${out}/metrics.jsonl`;
  const text = await Deno.readTextFile(path);
  const [cut] = /^.*"step":7.*$/m.exec(text)!;
  await Deno.writeTextFile(path, text.slice(0, text.indexOf(cut) + cut.length / 2));
  await train(config, { resume: out });
  assertEquals(await contentsOf(out), whole);
});

Deno.test("Resuming a run that went back passes over the checkpoints it left behind", async () => {
  const { out, config } = await checkpointed("went back");
  const metrics = await readTimeless(out);
  const controller = new AbortController();
  await train(config, {
    resume: `${out}/checkpoint-3`,
    signal: controller.signal,
    onStep: ({ step }) => step === 4 ? controller.abort() : undefined,
  });
  const messages: string[] = [];
  await train(config, { resume: out, onMessage: (line) => messages.push(line) });
  assert(messages.some((line) => line.endsWith("at step 4")), messages.join("\n"));
  assertEquals(await readTimeless(out), metrics);
});

Deno.test("Resuming in place removes the checkpoints after its step at once", async () => {
  const { out, config } = await checkpointed("crashed early");
  const crash = () => {
    throw new Error("crash");
  };
  await assertRejects(() => train(config, { resume: `${out}/checkpoint-3`, onStep: crash }));
  assertEquals(namesIn(out).filter((name) => name.includes("checkpoint")), ["checkpoint-3"]);
  const elsewhere = { ...config, out: workspace.out("crashed elsewhere") };
  await train(config, { resume: out });
  await train(elsewhere, { resume: `${out}/checkpoint-3` });
  assertEquals(namesIn(out).filter((name) => name.includes("checkpoint")).length, 2);
});

Deno.test("Resuming in place names a line of metrics.jsonl that has no step", async () => {
  const { out, config } = await crashed("unreadable");
  const path = `${out}/metrics.jsonl`;
  const text = await Deno.readTextFile(path);
  for (const line of ["", "null", "[]", '{"step":', '{"step":"1"}']) {
    await Deno.writeTextFile(path, `${line}\n${text}`);
    const error = await assertRejects(() => train(config, { resume: out }), FileError);
    assertEquals([error.path, error.line], [path, 1]);
  }
});

Deno.test("Resuming at the last step still evaluates", async () => {
  const { out: saved } = await checkpointed("finished");
  const { metrics: expected } = await train(hiddenKey({ maxSteps: 6 }));
  const out = workspace.out("finished, resumed");
  const config = hiddenKey({ maxSteps: 6, out });
  const resume = `${saved}/checkpoint-6`;
  const { metrics } = await train(config, { resume, change: true });
  assertEquals(Object.keys(metrics), Object.keys(expected));
});

/** Waits for the folder that a checkpoint is filled in, and puts a folder where a file must go. */
async function obstruct(partial: string): Promise<void> {
  for (;;) {
    try {
      return await Deno.mkdir(`${partial}/optimizer.safetensors`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

Deno.test("A checkpoint that cannot be written leaves nothing of itself", async () => {
  const out = workspace.out("obstructed");
  const config = hiddenKey({ saveEvery: 3, out });
  let obstructed: Promise<void> | undefined;
  const error = await assertRejects(() =>
    train(config, {
      onStep({ step }) {
        if (step === 6) obstructed = obstruct(`${out}/.checkpoint-6.partial`);
      },
    }), FileError);
  await obstructed;
  assertEquals(error.path, `${out}/.checkpoint-6.partial/optimizer.safetensors`);
  const others = ["dev_predictions.jsonl", "last", "metrics.jsonl", "run.json"];
  assertEquals(namesIn(out), ["best", "checkpoint-3", ...others]);
  const whole = workspace.out("unobstructed");
  await train(hiddenKey({ out: whole }));
  await train(config, { resume: out });
  assertEquals(await readAdapter(out), await readAdapter(whole));
});

Deno.test("A checkpoint of the step that is saved again stays as it is", async () => {
  const { out, config } = await crashed("replaced");
  const folder = `${out}/checkpoint-6`;
  const before = await contentsOf(folder);
  const saved: string[] = [];
  // An interrupt before the first step saves the step that was resumed once more.
  await train(config, {
    resume: out,
    signal: AbortSignal.abort(),
    onMessage: (line) => void (line.startsWith("saved") && saved.push(line)),
  });
  assertEquals([await contentsOf(folder), saved], [before, [`saved ${folder}`]]);
});

Deno.test("A checkpoint that was being replaced when the power failed is still there", async () => {
  const { out, config, whole } = await crashed("half replaced");
  await Deno.rename(`${out}/checkpoint-6`, `${out}/.checkpoint-6.old`);
  await Deno.rename(`${out}/best`, `${out}/.best.old`);
  const messages: string[] = [];
  await train(config, { resume: out, onMessage: (line) => messages.push(line) });
  assert(messages.some((line) => line.endsWith("checkpoint-6 at step 6")), messages.join("\n"));
  assertEquals(await contentsOf(out), whole);
});

Deno.test("A folder that a crash left half-filled is neither resumed nor in the way", async () => {
  const { out, config, whole } = await crashed("crashed");
  const partial = `${out}/.checkpoint-7.partial`;
  await Deno.mkdir(partial);
  await Deno.writeTextFile(`${partial}/trainer_state.json`, "{");
  await Deno.writeTextFile(`${out}/run.json.${crypto.randomUUID()}.tmp`, "{");
  for (const name of ["best", "last"]) await Deno.mkdir(`${out}/.${name}.old`);
  await train(config, { resume: out });
  assertEquals(await contentsOf(out), whole);
  assertEquals(namesIn(out).filter((name) => /^\.|tmp|lock/.test(name)), []);
});
