// What a run will hold is counted before it is made, and a run that cannot fit is refused.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parameters } from "../../nn/layers/module.ts";
import { parseConfig } from "../../nn/models/config.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import { languageModel } from "../../nn/models/registry.ts";
import type { GivenConfig, TrainConfig } from "../../train/config/config.ts";
import type { TaskName } from "../../train/config/train_options.ts";
import type { Share } from "../../train/data/batches.ts";
import { openDevice } from "../../train/device/backend.ts";
import { largestSteps, makeStep, stepSizes } from "../../train/one_step.ts";
import { tensorBytes } from "../../train/memory_count.ts";
import { type MemoryParts, missingMemory, planMemory } from "../../train/memory_plan.ts";
import { prepareData, type PreparedData, prepareModel } from "../../train/prepare.ts";
import { locateFolders, type RunFolders } from "../../train/run/run_folders.ts";
import { RunPlace } from "../../train/run/run_place.ts";
import { train } from "../../train/train.ts";
import { hiddenkeyWith } from "../support/cli.ts";
import { withInterpreted } from "../support/interpreted_device.ts";
import { inGroup } from "../support/linked_groups.ts";
import { webGpuTest } from "../support/webgpu_device.ts";
import { withDevice } from "../support/with_device.ts";
import { Workspace } from "../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Reads the data of a run. */
async function prepared(
  config: TrainConfig,
  body: (folders: RunFolders, data: PreparedData) => Promise<void>,
) {
  const folders = await locateFolders(config);
  await using place = await RunPlace.open(config, {});
  await body(folders, await prepareData(folders, place, {}));
}

/** Plan of a run on the device that its settings ask for. */
async function planOf(config: TrainConfig, share?: Share): Promise<MemoryParts> {
  let plan: MemoryParts | undefined;
  await prepared(config, async (folders, data) => {
    const { device } = await openDevice(config);
    await using _device = device;
    plan = await planMemory(folders, data, device, share);
    assertEquals(device.backend.statistics.peakBytes, 0, "Nothing is put there");
  });
  return plan!;
}

const runs: readonly (readonly [TaskName, GivenConfig])[] = [
  ["rte", { method: "hiddenkey", kl: 1 }],
  ["rte", { method: "hiddenkey", branches: 2, batch: 8, evalBatch: 4 }],
  ["rte", { method: "lora", accumulate: 2, gradientCheckpointing: true }],
  ["stsb", { method: "dropkey", batch: 32, evalBatch: 2 }],
  ["rte", { method: "hiddenkey-", batch: 4, evalBatch: 2, quantize: "nf4" }],
  ["e2e", { method: "hiddenkey-", batch: 8, evalBatch: 1 }],
  ["e2e", {
    method: "lora",
    pack: true,
    padMultiple: 4,
    batch: 2,
    beams: 8,
    newTokens: 40,
    evalBatch: 8,
  }],
];

async function requireEqual(task: TaskName, changes: GivenConfig) {
  const config = workspace.config(task, changes);
  const plan = await planOf(config);
  let found = 0;
  await train(config, { onMemory: (bytes) => found = bytes });
  if (changes.newTokens === undefined) return assertEquals(tensorBytes(plan), found);
  // Texts may end before they are as long as they may be.
  assert(
    found <= tensorBytes(plan) && tensorBytes(plan) < 1.02 * found,
    `${found} ${tensorBytes(plan)}`,
  );
}

for (const [task, changes] of runs) {
  const settings = JSON.stringify(changes);
  Deno.test(`${task} with ${settings} holds the bytes that were planned`, () =>
    requireEqual(task, { ...changes, backend: "cpu" }));
  webGpuTest(
    `${task} with ${settings} on WebGPU too`,
    () => requireEqual(task, { ...changes, backend: "webgpu" }),
  );
}

/** Writes texts of which those that are a word longer predict the least. */
async function writeUneven(folder: string): Promise<void> {
  const words = (count: number) => "near the ".repeat(count).trim();
  const lines = Array.from({ length: 24 }, (_, i) => {
    const [prompt, completion] = i % 2 === 0 ? [1, 20] : [20, 1];
    const more = i % 2 === 0 ? "" : " near";
    // Texts of one prompt are held back together.
    const own = Array.from({ length: 5 }, (_, bit) => i >> bit & 1 ? " pub" : " cafe").join("");
    return JSON.stringify({
      prompt: words(prompt) + own + more,
      completion: ` ${words(completion)}`,
    });
  });
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/train.jsonl`, lines.join("\n"));
}

Deno.test("a run holds the bytes that were planned where the longest texts predict the least", async () => {
  const data = workspace.out("uneven");
  await writeUneven(data);
  const uneven = { data, devFraction: 0.5, evalBatch: 1, generate: 0, backend: "cpu" } as const;
  for (const changes of [{ batch: 2 }, { batch: 1, evalBatch: 3 }, { batch: 3, pack: true }]) {
    await requireEqual("completion", { ...uneven, epochs: 1, ...changes });
  }
});

Deno.test("the step that predicts most is among those that are measured", async () => {
  const data = workspace.out("wordy");
  await writeUneven(data);
  const config = workspace.config("completion", { data, devFraction: 0.5, batch: 1, generate: 0 });
  await prepared(config, (_, data) => {
    const steps = stepSizes(data, config).map(({ step, batches }) => ({ step, ...batches[0]! }));
    const targets = Math.max(...steps.map(({ targets }) => targets));
    const tokens = Math.max(...steps.map(({ tokens }) => tokens));
    assert(targets >= 40 && steps.some((one) => one.targets < 5 && one.tokens === tokens));
    const measured = largestSteps(data, { ...config, epochs: 1 });
    assert(steps.some((one) => one.targets === targets && measured.includes(one.step)));
    return Promise.resolve();
  });
});

Deno.test("steps that a run never makes are not counted", async () => {
  const config = workspace.config("rte", { batch: 4, evalBatch: 1, backend: "cpu", epochs: 4 });
  const whole = await planOf(config);
  for (const maxSteps of [1, 2]) {
    await requireEqual("rte", { ...config, maxSteps, out: workspace.out(`short${maxSteps}`) });
  }
  assert(tensorBytes(await planOf({ ...config, maxSteps: 1 })) < tensorBytes(whole));
});

Deno.test("each of three processes holds the bytes that were planned of its share", async () => {
  const config = workspace.config("rte", { batch: 16, evalBatch: 2, backend: "cpu", threads: 1 });
  const plans = await Promise.all([0, 1, 2].map((rank) => planOf(config, { rank, size: 3 })));
  const found = await inGroup(3, async (group) => {
    let bytes = 0;
    await train(config, { group, onMemory: (peakBytes) => bytes = peakBytes });
    return bytes;
  });
  assertEquals(plans.map(tensorBytes), found);
  assert(found[0]! < tensorBytes(await planOf(config)) / 1.5);
});

for (const precision of ["float32", "bf16"] as const) {
  Deno.test(`a card's step in ${precision} holds the bytes that were planned`, async () => {
    const config = workspace.config("e2e", { method: "hiddenkey", batch: 2 });
    await prepared(config, (folders, data) =>
      withInterpreted({ precision }, async (device) => {
        const plan = await planMemory(folders, data, device);
        const run = await prepareModel(folders, data, device, {});
        const { statistics } = device.backend;
        const { frozen, trained, gradient, moments, step } = plan;
        const held = statistics.bytes;
        assertEquals(held, frozen + trained + gradient + moments);
        for (const each of largestSteps(data, config)) {
          await makeStep(data, run, config, each);
        }
        assertEquals(statistics.peakBytes, held + step);
        assert(plan.card > 0.5e9, "its context was forgotten");
        assertEquals((await planOf({ ...config, backend: "cpu" })).card, 0);
      }));
  });
}

Deno.test("a run in too little memory is told what would fit, the gentlest first", () => {
  const config = workspace.config("rte", { batch: 8, evalBatch: 1, method: "hiddenkey" });
  return prepared(config, (folders, data) =>
    withDevice("f32", async (device) => {
      const needs = async (changes: GivenConfig) => {
        const changed = { ...folders, config: { ...config, ...changes } as TrainConfig };
        return tensorBytes(await planMemory(changed, data, device)) + 65 * 2 ** 20;
      };
      const parts = await planMemory(folders, data, device);
      const missing = (bytes: number) => {
        const free = { bytes, place: "a small machine" };
        return missingMemory(folders, data, device, parts, { free });
      };
      const [whole, kept] = [await needs({}), await needs({ gradientCheckpointing: true })];
      const quarter = await needs({ batch: 2, accumulate: 4 });
      assert(quarter < kept && kept < whole);
      assertEquals(await missing(whole), undefined);
      const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
      assertEquals(
        await missing(kept),
        `Cannot fine-tune as ${gigabytes(whole)} of memory are required: found ${
          gigabytes(kept)
        } free on a small machine, which --gradient-checkpointing (${gigabytes(kept)}) or ` +
          `--batch 4 --accumulate 2 (${gigabytes(await needs({ batch: 4, accumulate: 2 }))}) ` +
          "would fit",
      );
      assertMatch(
        (await missing(1000))!,
        /, and --gradient-checkpointing --batch 1 --accumulate 8 would still take 0\.0\d+ GB$/,
      );
    }));
});

Deno.test("a run that no machine can hold is refused before its weights are read", async () => {
  const folder = `${workspace.root}/models/huge`;
  await Deno.mkdir(folder);
  for await (const { name } of Deno.readDir(workspace.model("gpt2"))) {
    await Deno.copyFile(`${workspace.model("gpt2")}/${name}`, `${folder}/${name}`);
  }
  const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  await writeBlank(folder, parseConfig({ ...config, n_embd: 2 ** 17 }));
  await Deno.writeTextFile(
    `${folder}/config.json`,
    JSON.stringify({ ...config, n_embd: 2 ** 17 }),
  );
  const flags = ["--data", workspace.data("e2e"), "--model", folder, "--backend", "cpu"];
  const { code, err } = await hiddenkeyWith(
    { permissions: ["--allow-sys=systemMemoryInfo"] },
    ...["train", "--task", "e2e", ...flags, "--out", workspace.out("huge"), "--rank", "1"],
  );
  assertEquals(code, 1);
  assertMatch(
    err,
    /error: Cannot fine-tune as 1[67]\d\d GB of memory are required: found [\d.]+ GB free on this machine, and --quantize nf4 /,
  );
});

/** Writes the header of a checkpoint of a model, and a hole instead of its numbers. */
async function writeBlank(folder: string, config: ModelConfig) {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [path, { shape, size }] of parameters(languageModel(config))) {
    header[path] = { dtype: "F32", shape, data_offsets: [end, end += 4 * size] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  using file = await Deno.open(`${folder}/model.safetensors`, { write: true, truncate: true });
  await file.write(new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer));
  await file.write(text);
  await file.truncate(8 + text.length + end);
}
