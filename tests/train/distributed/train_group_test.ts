// Whole runs by several processes, all in this one: they end as a run of one does.
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { OptionError, TrainingError } from "../../../core/errors.ts";
import type { TrainConfig } from "../../../train/config/config.ts";
import type { TaskName } from "../../../train/config/train_options.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { runConfig } from "../../../train/run/open_run.ts";
import { train, type TrainHooks } from "../../../train/train.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { namesIn, readAdapter, readTimeless, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

function configOf(task: TaskName, out: string, changes: Partial<TrainConfig>): TrainConfig {
  const usual = {
    method: "hiddenkey",
    rate: 0.1,
    backend: "cpu",
    threads: 1,
    blas: "off",
  } as const;
  return workspace.config(task, { ...usual, out: workspace.out(out), ...changes });
}

/** A run by so many processes; each has settings of its own where they are told. */
async function trainTogether(
  size: number,
  config: TrainConfig,
  own: (rank: number) => { config?: Partial<TrainConfig>; hooks?: TrainHooks } = () => ({}),
) {
  return await inGroup(size, async (group) => {
    const { config: changes = {}, hooks = {} } = own(group.rank);
    return await train({ ...config, ...changes }, { ...hooks, group });
  });
}

/** Numbers of a run's adapter. */
async function adapterOf(out: string): Promise<number[]> {
  using file = await Checkpoint.open(`${out}/adapter_model.safetensors`);
  const all: number[] = [];
  for (const name of file.names()) all.push(...await file.readFloat(name, "f32"));
  return all;
}

const cases: readonly (readonly [string, TaskName, Partial<TrainConfig>])[] = [
  ["HiddenKey", "rte", {}],
  ["two batches a step, without buckets", "rte", { batch: 4, accumulate: 2, bucket: false }],
  ["last steps of fewer examples than processes", "rte", { trainLimit: 25, devLimit: 3 }],
  ["scores, JS, two draws", "stsb", { compensation: "js", instances: 2 }],
  ["double precision, LoRA dropout", "rte", { dtype: "f64", method: "lora-dropout" }],
  ["texts that share rows, and are written", "e2e", { pack: true, evalEvery: 3 }],
];

for (const [name, task, changes] of cases) {
  Deno.test(`three processes end as one does: ${name}`, async () => {
    const whole = configOf(task, `one, ${name}`, changes);
    const shared = configOf(task, `three, ${name}`, changes);
    const expected = await train(whole);
    const results = await trainTogether(3, shared);
    for (const found of results) {
      assertEquals(found.step, expected.step);
      for (const [metric, value] of Object.entries(expected.metrics)) {
        assertAlmostEquals(
          found.metrics[metric]!,
          value,
          1e-5 * Math.max(1, Math.abs(value)),
          metric,
        );
      }
    }
    const [lines, others] = [await readTimeless(whole.out!), await readTimeless(shared.out!)];
    assertEquals(others.map((line) => Object.keys(line)), lines.map((line) => Object.keys(line)));
    for (const [i, line] of lines.entries()) {
      for (const [key, value] of Object.entries(line)) {
        assertAlmostEquals(others[i]![key]!, value, 2e-6 * Math.max(1, Math.abs(value)), key);
      }
    }
    const [numbers, found] = [await adapterOf(whole.out!), await adapterOf(shared.out!)];
    assertEquals(found.length, numbers.length);
    numbers.forEach((x, i) => assertAlmostEquals(found[i]!, x, 1e-5));
    assertEquals(namesIn(shared.out!), namesIn(whole.out!));
  });
}

Deno.test("runs by as many processes are equal to the bit, and process 0 alone writes", async () => {
  const [one, two] = ["first", "second"].map((out) => configOf("rte", out, { saveEvery: 3 }));
  await trainTogether(2, one!);
  const outs = ["second", "second of process 1"].map((out) => workspace.out(out));
  await trainTogether(2, two!, (rank) => ({ config: { out: outs[rank]! } }));
  assertEquals(await readAdapter(one!.out!), await readAdapter(two!.out!));
  assertEquals(await readTimeless(one!.out!), await readTimeless(two!.out!));
  await assertRejects(() => Deno.stat(outs[1]!), Deno.errors.NotFound);
});

Deno.test("a checkpoint of three processes goes on by two, and by one", async () => {
  const saved = configOf("rte", "of three", { saveEvery: 3 });
  await trainTogether(3, saved);
  const expected = await adapterOf(saved.out!);
  for (const size of [1, 2, 3]) {
    const config = configOf("rte", `by ${size}`, { saveEvery: 3 });
    const resume = `${saved.out}/checkpoint-6`;
    await trainTogether(size, config, () => ({ hooks: { resume } }));
    const found = await adapterOf(config.out!);
    expected.forEach((x, i) => assertAlmostEquals(found[i]!, x, size === 3 ? 0 : 1e-5));
    assertEquals((await readTimeless(config.out!)).length, (await readTimeless(saved.out!)).length);
  }
  const again = await trainTogether(2, saved, () => ({ hooks: { resume: saved.out! } }));
  assertEquals(again.map(({ step }) => step), [8, 8]);
});

const disagreements: readonly (readonly [string, Partial<TrainConfig>, string])[] = [
  ["another seed", { seed: 2 }, "--seed 1 of process 0 is required of process 1 of 2: found 2"],
  ["other data", { trainLimit: 31 }, "training data sha256-"],
  ["other checkpoints", { saveEvery: 2 }, "--save-every none of process 0"],
  ["another rank", { rank: 2 }, "number of trained parameters"],
];
/** Requires that two processes do not train where one has other settings, and that both say why. */
async function requireRefusal(name: string, changes: Partial<TrainConfig>, says: string) {
  const config = configOf("rte", name, {});
  const failures: unknown[] = [];
  await inGroup(2, async (group) => {
    const own = group.rank === 1 ? changes : {};
    await train({ ...config, ...own }, { group }).catch((error) => failures.push(error));
  });
  assertEquals(failures.length, 2);
  for (const error of failures) {
    assert(error instanceof TrainingError);
    assert(error.message.includes(says), error.message);
  }
  await assertRejects(() => Deno.stat(config.out!), Deno.errors.NotFound);
}

for (const [name, changes, says] of disagreements) {
  Deno.test(
    `processes that disagree do not train: ${name}`,
    () => requireRefusal(name, changes, says),
  );
}

webGpuTest(
  "processes that disagree do not train: another backend",
  () => requireRefusal("backend", { backend: "webgpu" }, "backend cpu of process 0 is required of"),
);

Deno.test("a signal of one process stops all behind the same step, and the run goes on equal", async () => {
  const whole = configOf("rte", "not stopped", {});
  await trainTogether(3, whole);
  const config = configOf("rte", "stopped", {});
  const stops = [0, 1, 2].map(() => new AbortController());
  const results = await trainTogether(3, config, (rank) => ({
    hooks: {
      signal: stops[rank]!.signal,
      onStep({ step }) {
        if (rank === 2 && step === 5) stops[2]!.abort();
      },
    },
  }));
  assertEquals(results.map(({ aborted }) => aborted), [true, true, true]);
  assertEquals(new Set(results.map(({ step }) => step)).size, 1);
  assertNotEquals(results[0]!.step, 8);
  await trainTogether(3, config, () => ({ hooks: { resume: config.out! } }));
  assertEquals(await readAdapter(config.out!), await readAdapter(whole.out!));
  assertEquals(await readTimeless(config.out!), await readTimeless(whole.out!));
});

Deno.test("a signal of one process ends the last evaluation of all, and the run goes on equal", async () => {
  const changes = { batch: 4, trainLimit: 8, epochs: 1, evalBatch: 2 };
  const whole = configOf("rte", "evaluated", changes);
  await trainTogether(2, whole);
  const config = configOf("rte", "stopped within an evaluation", changes);
  const stop = new AbortController();
  let done = 0;
  const results = await trainTogether(2, config, (rank) => ({
    hooks: rank === 0 ? {} : {
      signal: stop.signal,
      onStep({ step }, steps) {
        if (step === steps) done = step;
      },
      onProgress() {
        if (done > 0) stop.abort();
      },
    },
  }));
  assertEquals(results.map(({ step, aborted }) => [step, aborted]), [[2, true], [2, true]]);
  await trainTogether(2, config, () => ({ hooks: { resume: config.out! } }));
  assertEquals(await readAdapter(config.out!), await readAdapter(whole.out!));
  assertEquals(await readTimeless(config.out!), await readTimeless(whole.out!));
});

Deno.test("a run of several processes without a group is refused, and a saved run asks for none", async () => {
  const config = configOf("rte", "ungrouped", { distributed: "mpi", mpi: "/elsewhere/libmpi.so" });
  await assertRejects(() => train(config), OptionError, "as a group is required");
  await trainTogether(2, config);
  const { distributed, mpi } = await runConfig(config.out!);
  assertEquals([distributed, mpi], ["off", "auto"]);
});

Deno.test("numbers that are not finite are said alike by all processes", async () => {
  const failures: string[] = [];
  const config = configOf("rte", "too fast", { lr: 1e38, epsilon: 1e-3 });
  await inGroup(2, async (group) => {
    await train(config, { group }).catch((error) => failures.push(error.message));
  });
  assertEquals(failures.length, 2);
  assertEquals(failures[0], failures[1]);
  assert(failures[0]!.includes("must be finite"), failures[0]);
});
