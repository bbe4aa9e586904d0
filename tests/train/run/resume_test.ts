import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import { exists } from "../../../train/files/files.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { train } from "../../../train/train.ts";
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

const recipes: Record<string, Partial<TrainConfig>> = {
  "one batch a step": {},
  "two batches a step, without buckets": { accumulate: 2, batch: 4, bucket: false },
  "noise, two draws, LoRA+": { neftuneAlpha: 5, instances: 2, loraplusRatio: 16 },
  "a partial last batch, in double precision": { trainLimit: 27, dtype: "f64", weightDecay: 0.1 },
};
for (const [name, changes] of Object.entries(recipes)) {
  Deno.test(`A resumed run ends as one that never stopped: ${name}`, async () => {
    const whole = workspace.out(`whole, ${name}`);
    await train(hiddenKey({ ...changes, out: whole }));
    const { out: saved } = await checkpointed(`saved, ${name}`, changes);
    assertEquals(await readAdapter(saved), await readAdapter(whole));
    const metrics = await readTimeless(whole);
    assertEquals(await readTimeless(saved), metrics);
    for (const step of [3, 6]) {
      const out = workspace.out(`resumed from ${step}, ${name}`);
      const config = hiddenKey({ ...changes, out });
      await train(config, { resume: `${saved}/checkpoint-${step}` });
      assertEquals(await readAdapter(out), await readAdapter(whole));
      assertEquals(await readTimeless(out), metrics.filter((line) => line["step"]! > step));
    }
  });
}

Deno.test("A checkpoint holds the adapter, moments and the step", async () => {
  const { out } = await checkpointed("contents");
  assertEquals(namesIn(out).filter((name) => name.includes("checkpoint")), [
    "checkpoint-3",
    "checkpoint-6",
  ]);
  const folder = `${out}/checkpoint-3`;
  assertEquals(namesIn(folder), [
    "README.md",
    "adapter_config.json",
    "adapter_model.safetensors",
    "hiddenkey_config.json",
    "optimizer.safetensors",
    "trainer_state.json",
  ]);
  assertEquals(JSON.parse(await Deno.readTextFile(`${folder}/trainer_state.json`)), {
    global_step: 3,
    epoch: 0.75,
    max_steps: 8,
  });
  using file = await Checkpoint.open(`${folder}/optimizer.safetensors`);
  assertEquals(file.names().toSorted(), ["first", "parameters", "second"]);
  for (const name of file.names()) assertEquals(file.entry(name).shape, [546]);
  // A resumed run must not lean on the moments being zero.
  assert((await file.readFloat("second", "f64")).some((value) => value > 0));
});

Deno.test("Resuming a run goes on from its last checkpoint and rewinds its metrics", async () => {
  const { out, config } = await checkpointed("in place");
  const [metrics, adapter] = [await readTimeless(out), await readAdapter(out)];
  const messages: string[] = [];
  await train(config, { resume: out, onMessage: (line) => messages.push(line) });
  assert(messages.some((line) => line.endsWith("checkpoint-6 at step 6")), messages.join("\n"));
  assertEquals(await readTimeless(out), metrics);
  await train(config, { resume: `${out}/checkpoint-3` });
  assertEquals(await readTimeless(out), metrics);
  assertEquals(await readAdapter(out), adapter);
  assertEquals(namesIn(out).filter((name) => name.startsWith(".")), []);
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
  const { out, config } = await checkpointed("torn");
  const metrics = await readTimeless(out);
  const path = `${out}/metrics.jsonl`;
  const text = await Deno.readTextFile(path);
  const [cut] = /^.*"step":7.*$/m.exec(text)!;
  await Deno.writeTextFile(path, text.slice(0, text.indexOf(cut) + cut.length / 2));
  await train(config, { resume: out });
  assertEquals(await readTimeless(out), metrics);
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
  const { out, config } = await checkpointed("unreadable");
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
  const { metrics } = await train(config, { resume: `${saved}/checkpoint-6` });
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
  assertEquals(`${namesIn(out)}`, "checkpoint-3,dev_predictions.jsonl,metrics.jsonl,run.json");
  const whole = workspace.out("unobstructed");
  await train(hiddenKey({ out: whole }));
  await train(config, { resume: out });
  assertEquals(await readAdapter(out), await readAdapter(whole));
});

Deno.test("A checkpoint that cannot be replaced stays as it was", async () => {
  const { out, config } = await checkpointed("replaced");
  const folder = `${out}/checkpoint-6`;
  const path = `${folder}/optimizer.safetensors`;
  const [names, before] = [namesIn(folder), await Deno.readFile(path)];
  let obstructed: Promise<void> | undefined;
  // An interrupt before the first step saves the step that was resumed once more.
  await assertRejects(() =>
    train(config, {
      resume: out,
      signal: AbortSignal.abort(),
      onMessage(line) {
        if (line.startsWith("resumed")) obstructed = obstruct(`${out}/.checkpoint-6.partial`);
      },
    }), FileError);
  await obstructed;
  assertEquals([namesIn(folder), await Deno.readFile(path)], [names, before]);
  assertEquals(namesIn(out).filter((name) => name.startsWith(".")), []);
});

Deno.test("A folder that a crash left half-filled is neither resumed nor in the way", async () => {
  const { out, config } = await checkpointed("crashed");
  const adapter = await readAdapter(out);
  const partial = `${out}/.checkpoint-7.partial`;
  await Deno.mkdir(partial);
  await Deno.writeTextFile(`${partial}/trainer_state.json`, "{");
  await Deno.writeTextFile(`${out}/run.json.${crypto.randomUUID()}.tmp`, "{");
  await train(config, { resume: out });
  assertEquals(await readAdapter(out), adapter);
  assertEquals(namesIn(out).filter((name) => /partial|tmp/.test(name)), []);
  await Deno.mkdir(`${out}/.checkpoint-3.partial`);
  await Deno.remove(`${out}/checkpoint-3`, { recursive: true });
  await Deno.remove(`${out}/checkpoint-6`, { recursive: true });
  await assertRejects(() => train(config, { resume: out }), FileError, "found none");
});

const strangers: Record<string, Partial<TrainConfig>> = {
  "other targets": { targets: ["query", "key"] },
  "another rank": { rank: 2 },
  "another task's head": { task: "stsb", data: workspace.data("stsb") },
};
for (const [name, changes] of Object.entries(strangers)) {
  Deno.test(`Resuming with ${name} is a FileError and touches nothing`, async () => {
    const { out } = await checkpointed(`stranger, ${name}`);
    const adapter = await readAdapter(out);
    const metrics = await Deno.readTextFile(`${out}/metrics.jsonl`);
    const run = await Deno.readTextFile(`${out}/run.json`);
    await assertRejects(
      () => train(hiddenKey({ ...changes, out }), { resume: out }),
      FileError,
      "Cannot resume",
    );
    const elsewhere = workspace.out(`stranger elsewhere, ${name}`);
    await assertRejects(
      () => train(hiddenKey({ ...changes, out: elsewhere }), { resume: out }),
      FileError,
    );
    assertEquals(await exists(elsewhere), false);
    assertEquals(await readAdapter(out), adapter);
    assertEquals(await Deno.readTextFile(`${out}/metrics.jsonl`), metrics);
    assertEquals(await Deno.readTextFile(`${out}/run.json`), run);
  });
}

Deno.test("Resuming from a damaged checkpoint is a FileError", async () => {
  const { out } = await checkpointed("damaged");
  const resume = `${out}/checkpoint-6`;
  const path = `${resume}/optimizer.safetensors`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 5));
  await assertRejects(() => train(hiddenKey(), { resume }), FileError, path);
  await Deno.remove(path);
  await assertRejects(() => train(hiddenKey(), { resume }), FileError, path);
  const state = `${resume}/trainer_state.json`;
  for (const text of ["{}", "null", "[]", "{", '{"global_step":-1}']) {
    await Deno.writeTextFile(state, text);
    await assertRejects(() => train(hiddenKey(), { resume }), FileError, state);
  }
});

async function tensorsOf(run: string): Promise<Map<string, Float64Array>> {
  using file = await Checkpoint.open(`${run}/adapter_model.safetensors`);
  const entries = file.names().map(async (name) => [name, await file.readFloat(name, "f64")]);
  return new Map(await Promise.all(entries) as [string, Float64Array][]);
}

for (const bucket of [true, false]) {
  const order = bucket ? "with" : "without";
  Deno.test(`Two batches of four make the step of one of eight, ${order} buckets`, async () => {
    // 28 examples end in a window of four.
    const shared = { bucket, dtype: "f64", trainLimit: 28, maxSteps: 4 } as const;
    const layouts = { whole: { batch: 8 }, halves: { batch: 4, accumulate: 2 } };
    const read: Map<string, Float64Array>[] = [];
    for (const [name, layout] of Object.entries(layouts)) {
      const out = workspace.out(`${name} ${order}`);
      await train(hiddenKey({ ...shared, ...layout, out }));
      read.push(await tensorsOf(out));
    }
    const [whole, halves] = read as [Map<string, Float64Array>, Map<string, Float64Array>];
    assertEquals([...halves.keys()], [...whole.keys()]);
    for (const [name, values] of whole) {
      const apart = values.map((value, i) => Math.abs(value - halves.get(name)![i]!));
      assert(Math.max(...apart) < 1e-6, `${name}: ${Math.max(...apart)}`);
      if (name.includes("lora_B")) assert(values.some((value) => value !== 0), name);
    }
  });
}

Deno.test("Buckets change what a step sees", async () => {
  const [a, b] = [workspace.out("bucket a"), workspace.out("bucket b")];
  await train(hiddenKey({ out: a }));
  await train(hiddenKey({ out: b, bucket: false }));
  assertNotEquals(await readAdapter(a), await readAdapter(b));
});
