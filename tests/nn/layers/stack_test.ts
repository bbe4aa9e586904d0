import { assert, assertEquals, assertLess } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey } from "../../../core/random.ts";
import { gradient } from "../../../core/gradient.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { Value } from "../../../core/storage.ts";
import { Tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type Method, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { PastKeyValues } from "../../../nn/layers/past_key_values.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { square } from "../../../core/ops/elementwise.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { encodeFloats } from "../../../nn/formats/safetensors_values.ts";
import { cpuTest } from "../../support/cpu_variants.ts";
import {
  type ArchitectureName,
  architectureNames,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** Layers that end in a product, in a sum and in an adapter are among the adapted ones. */
const targets: Record<ArchitectureName, string[]> = {
  bert: ["query", "value", "output.dense"],
  roberta: ["key", "intermediate.dense"],
  mpnet: ["q", "v", "o"],
  "deberta-v2": ["query_proj", "key_proj", "attention.output.dense"],
  gpt2: ["c_attn", "mlp.c_proj"],
  llama: ["q_proj", "v_proj", "down_proj"],
  qwen2: ["q_proj"],
  qwen3: ["k_proj", "v_proj"],
  smollm3: ["q_proj", "up_proj"],
  mistral: ["o_proj"],
  gemma3_text: ["q_proj", "down_proj"],
  phi: ["k_proj", "fc1", "fc2"],
  phi3: ["qkv_proj", "gate_up_proj"],
  modernbert: ["Wqkv", "Wo"],
};

const cases: Record<string, readonly [Method, PlanOptions]> = {
  "no dropout": ["lora", {}],
  "LoRA dropout, NEFTune and two draws": ["lora-dropout", { neftuneAlpha: 5, instances: 2 }],
  "DropAttention with NoGrad": ["dropattention", {}],
  "DropAttention of spans and JS": ["dropattention", { structure: "span", compensation: "js" }],
  "HiddenKey": ["hiddenkey", {}],
  "HiddenKey with two branches": ["hiddenkey", { branches: 2, point: "inner" }],
  "HiddenKey of the last layer with two branches": ["hiddenkey", { branches: 2, layers: [2] }],
  "hidden tokens, and dropout of ranks and updates": ["lora", {
    site: [{ position: "input", structure: "column" }, { position: "rank" }, {
      position: "update",
    }],
  }],
  "spans where attention points": ["dropkey", {
    site: [{ position: "hidden", structure: "span", start: "attention" }],
  }],
};

interface Setting {
  readonly architecture: ArchitectureName;
  readonly plan: readonly [Method, PlanOptions] | undefined;
  /** Whether every parameter is trained. */
  readonly whole?: boolean;
  /** Whether matrices that are not trained are kept in 16 bits. */
  readonly half?: boolean;
}

/** Losses, norms and parameters of two steps over windows of two batches, and what they needed. */
async function trained(
  device: Device,
  { architecture, plan, whole = false, half = false }: Setting,
  gradientCheckpointing: boolean,
) {
  using _scope = device.scope("training");
  const decoder = tinyConfig(architecture).causal;
  const config = tinyConfig(architecture, { num_hidden_layers: 3 });
  const model = decoder
    ? randomModel(device, config, "language")
    : randomModel(device, config, "classifier");
  applyLora(model, { targets: targets[architecture], rank: 2, alpha: 4 });
  fillRandomly(model, device);
  for (const [, parameter] of parameters(model)) {
    if (whole) parameter.trainable = true;
    if (!half || parameter.trainable || parameter.shape.length !== 2) continue;
    const bits = encodeFloats(Float32Array.from(await parameter.value.read()), "BF16");
    const value = Value.allocate(device.backend, "bf16", parameter.shape);
    device.backend.write(value.storage.buffer, 0, bits);
    parameter.value = new Tensor(value, device);
  }
  const optimiser = new SGD(await Trainable.of(model, device), { clip: 0 });
  const numbers: number[] = [];
  const { statistics } = device.backend;
  const runs = statistics.runs;
  for (let step = 0; step < 2; step++) {
    using _step = device.scope("step");
    const window = [[9, 4, 7], [6, 12]].map((lengths, i) =>
      toBatch(device, tinyExamples(lengths, decoder), { numbers: lengths.map((_, b) => 3 * i + b) })
    );
    const { loss, task, squaredNorm } = trainStep({ model, optimiser }, window, seedKey(step), {
      ...(plan &&
        { plan: dropoutPlan(plan[0], decoder, { rate: 0.3, layers: "all", ...plan[1] }) }),
      gradientCheckpointing,
      lr: 0.01,
    });
    for (const t of [loss, task, squaredNorm]) numbers.push(...await t.read());
  }
  return {
    numbers: [...numbers, ...await optimiser.trainable.flat.read()],
    runs: statistics.runs - runs,
  };
}

/** Trains with and without, and compares every bit. */
async function compare(device: Device, setting: Setting, message?: string): Promise<void> {
  const again = await trained(device, setting, true);
  const once = await trained(device, setting, false);
  assert(once.numbers.every(Number.isFinite));
  assertEquals(again.numbers, once.numbers, message);
  assertLess(once.runs, again.runs);
}

for (const architecture of architectureNames) {
  const name = `gradient checkpointing of ${architecture}`;
  Deno.test(`${name} changes no bit, whatever is dropped`, () =>
    withDevice("f32", async (device) => {
      for (const [what, plan] of Object.entries(cases)) {
        await compare(device, { architecture, plan }, what);
      }
    }));

  Deno.test(`${name} changes no bit in f64, of all parameters`, () =>
    withDevice(
      "f64",
      (device) =>
        compare(device, { architecture, plan: cases["HiddenKey with two branches"], whole: true }),
    ));

  Deno.test(`${name} changes no bit beside halves`, () =>
    withDevice("f32", (device) => compare(device, { architecture, plan: undefined, half: true })));

  webGpuTest(
    `${name} changes no bit on WebGPU`,
    (device) => compare(device, { architecture, plan: cases["HiddenKey"] }),
  );
}

cpuTest(
  (variant) => `gradient checkpointing changes no bit: ${variant}`,
  (device) => compare(device, { architecture: "llama", plan: cases["HiddenKey"] }),
);

/** Bytes that a gradient needs at most beside what there was before, in a model of so many layers. */
async function peakBytes(architecture: ArchitectureName, layers: number, again: boolean) {
  let bytes = 0;
  await withDevice("f32", async (device) => {
    const decoder = tinyConfig(architecture).causal;
    const config = tinyConfig(architecture, { num_hidden_layers: layers });
    const model = decoder
      ? randomModel(device, config, "language")
      : randomModel(device, config, "classifier");
    applyLora(model, { targets: targets[architecture].slice(0, 1), rank: 1, alpha: 4 });
    fillRandomly(model, device);
    const { tensors } = await Trainable.of(model, device);
    const labelled = toBatch(device, tinyExamples(new Array(6).fill(16), decoder));
    const { statistics } = device.backend;
    const before = statistics.bytes;
    const gradientCheckpointing = again;
    const options = { key: seedKey(1), normaliser: 1, gradientCheckpointing };
    gradient(() => objective(model, labelled, options), tensors);
    bytes = statistics.peakBytes - before;
  });
  return bytes;
}

for (const architecture of architectureNames) {
  Deno.test(`gradient checkpointing of ${architecture} keeps one hidden state a layer`, async () => {
    const grown = async (again: boolean) =>
      (await peakBytes(architecture, 5, again) - await peakBytes(architecture, 3, again)) / 2;
    // Six texts of 16 tokens by 8 features of 4 bytes each.
    assertEquals(await grown(true), 6 * 16 * 8 * 4);
    assertLess(8 * 6 * 16 * 8 * 4, await grown(false));
  });
}

Deno.test("gradient checkpointing computes no layer again that fills a cache", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    const batch = toBatch(device, tinyExamples([6, 6], true));
    const weight = model.tied!.value;
    const slopes = async (gradientCheckpointing: boolean) => {
      using cache = new PastKeyValues(device, 2, 6);
      const run = () => sum(square(model.forward({ batch, cache, gradientCheckpointing }).logits));
      const { gradients } = gradient(run, [weight]);
      assertEquals(cache.slots, 6);
      return [...await gradients[0]!.read()];
    };
    assertEquals(await slopes(true), await slopes(false));
  }));

Deno.test("gradient checkpointing collects the same hidden states", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    const batch = toBatch(device, tinyExamples([6, 3]));
    const traces = async (gradientCheckpointing: boolean) => {
      const trace: Tensor[] = [];
      model.forward({ batch, trace, gradientCheckpointing });
      return await Promise.all(trace.map(async (x) => [...await x.read()]));
    };
    const found = await traces(true);
    assertEquals(found, await traces(false));
    assertEquals(found.length, 3);
  }));
