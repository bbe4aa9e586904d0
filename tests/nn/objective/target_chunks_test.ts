import { assert, assertEquals, assertThrows } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { IndexError, OptionError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { foldKey, normal, seedKey } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import type { LanguageModel } from "../../../nn/models/decoder.ts";
import { objective, type ObjectiveOptions } from "../../../nn/objective/objective.ts";
import { targetLosses } from "../../../nn/objective/target_chunks.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { assertClose, numbers } from "../../support/differences.ts";
import { productsSeen } from "../../support/products_seen.ts";
import { fillRandomly, randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const vocabulary = 23;

/** Examples of the given lengths, of which each predicts from the given token on. */
function examplesOf(...shapes: readonly (readonly [length: number, predictFrom: number])[]) {
  return shapes.map(([length, predictFrom], i) => ({
    ids: Array.from({ length }, (_, t) => 2 + (7 * i + 5 * t + i * t) % 21),
    predictFrom,
  }));
}

const batches = {
  "ragged lengths": examplesOf([7, 3], [5, 2], [6, 1]),
  "all tokens": examplesOf([6, 1], [6, 1]),
  "an example without a target": examplesOf([5, 2], [4, 4], [6, 3]),
  "one target": examplesOf([5, 4]),
};

const models: Readonly<Record<string, (device: Device) => LanguageModel>> = {
  "a tied GPT-2": (device) => randomModel(device, tinyConfig("gpt2"), "language"),
  "a LLaMA": (device) => randomModel(device, tinyConfig("llama"), "language"),
  "a GPT-2 whose untied output layer is adapted": (device) => {
    const model = randomModel(device, tinyConfig("gpt2"), "language");
    model.untie();
    applyLora(model, { targets: ["c_attn", "lm_head"], rank: 2, alpha: 4 });
    fillRandomly(model, device);
    return model;
  },
};

const choices: readonly PlanOptions[] = [
  { compensation: "none" },
  { compensation: "kl", kl: 0.7 },
  { compensation: "kl", kl: 0.7, branches: 2 },
  { compensation: "js", kl: 0.7 },
];

/** Losses and the gradient of every parameter, on the host. */
async function numbersOf(model: LanguageModel, run: () => ReturnType<typeof objective>) {
  const all = [...parameters(model)].map(([, { value }]) => value);
  const { result, gradients } = gradient(run, all);
  const { loss, task, compensation } = result;
  const read = (list: readonly (Tensor | undefined)[]) =>
    Promise.all(list.map(async (t) => t === undefined ? [] : [...await t.read()]));
  return [await read([loss, task, compensation]), await read(gradients)].flat();
}

for (const [name, make] of Object.entries(models)) {
  Deno.test(`losses and gradients of ${name} are the same in chunks of target tokens`, () =>
    withDevice("f64", async (device) => {
      const model = make(device);
      for (const examples of Object.values(batches)) {
        const batch = toBatch(device, examples, { numbers: examples.map((_, b) => b) });
        for (const choice of choices) {
          for (const gradientCheckpointing of [false, true]) {
            const plan = dropoutPlan("hiddenkey", true, { rate: 0.3, ...choice });
            const options = { plan, key: seedKey(3), smoothing: 0.1, normaliser: 5 };
            const values = (mostLogits: number) =>
              numbersOf(
                model,
                () => objective(model, batch, { ...options, mostLogits, gradientCheckpointing }),
              );
            const whole = await values(Infinity);
            assert(whole.at(-1)!.length > 0 && Math.abs(whole[0]![0]!) > 1e-3);
            for (const rows of [1, 2, 5]) {
              const chunks = await values(rows * vocabulary);
              chunks.forEach((list, i) => assertClose(list, whole[i]!, 1e-12));
            }
          }
        }
      }
    }));
}

Deno.test("losses of an evaluation are the same in chunks of target tokens", () =>
  withDevice("f64", async (device) => {
    const model = models["a tied GPT-2"]!(device);
    for (const examples of Object.values(batches)) {
      const context = { batch: toBatch(device, examples) };
      const [chunks, whole] = [targetLosses(model, context, 50), targetLosses(model, context)];
      assertEquals(chunks.shape, whole.shape);
      assertClose(await chunks.read(), [...await whole.read()], 1e-13);
    }
  }));

/** Rows of each product over the vocabulary in a gradient of a batch with 4 + 3 targets of 14 tokens. */
async function rowsOf(options: Partial<ObjectiveOptions>) {
  const { backend, rows } = productsSeen(vocabulary);
  await using device = new Device(backend, "f64");
  using _scope = device.scope("test");
  const model = models["a tied GPT-2"]!(device);
  applyLora(model, { targets: ["c_attn"], rank: 2, alpha: 4 });
  fillRandomly(model, device);
  const batch = toBatch(device, examplesOf([7, 3], [5, 2]), { numbers: [0, 1] });
  const trained = [...parameters(model)].filter(([, { trainable }]) => trainable)
    .map(([, { value }]) => value);
  gradient(() => objective(model, batch, { key: seedKey(1), normaliser: 1, ...options }), trained);
  return rows;
}

Deno.test("the output layer runs on target tokens alone, and on chunks once more each", async () => {
  assertEquals(await rowsOf({}), [7]);
  assertEquals(await rowsOf({ mostLogits: 7 * vocabulary }), [7]);
  // Chunks are as equal as they can be, and the last one is come to first.
  assertEquals(await rowsOf({ mostLogits: 3 * vocabulary }), [3, 3, 1, 1, 3, 3]);
  assertEquals(await rowsOf({ mostLogits: 7 * vocabulary - 1 }), [4, 3, 3, 4]);
  assertEquals((await rowsOf({ mostLogits: 1 })).length, 14);
});

/** Bytes at the most beyond the model, of a gradient of 60 target tokens or of an evaluation. */
async function peak(mostLogits: number, choice?: PlanOptions) {
  let bytes = 0;
  await withDevice("f32", (device) => {
    const model = randomModel(device, tinyConfig("gpt2", { vocab_size: 5000 }), "language");
    applyLora(model, { targets: ["c_attn"], rank: 2, alpha: 4 });
    fillRandomly(model, device);
    const examples = examplesOf([16, 1], [16, 1], [16, 1], [16, 1]);
    const batch = toBatch(device, examples, { numbers: [0, 1, 2, 3] });
    const trained = [...parameters(model)].filter(([, { trainable }]) => trainable)
      .map(([, { value }]) => value);
    const { statistics } = device.backend;
    const before = statistics.bytes;
    if (choice === undefined) targetLosses(model, { batch }, mostLogits);
    else {
      const plan = dropoutPlan("hiddenkey", true, choice);
      const options = { plan, key: seedKey(1), normaliser: 1, mostLogits };
      gradient(() => objective(model, batch, options), trained);
    }
    bytes = statistics.peakBytes - before;
  });
  return bytes;
}

for (const choice of choices) {
  const title = `${choice.compensation}, ${choice.branches ?? 1}`;
  Deno.test(`chunks never hold the logits of all target tokens (${title})`, async () => {
    const logits = 4 * 60 * 5000;
    assert(await peak(Infinity, choice) > 2 * logits);
    assert(await peak(6 * 5000, choice) < logits);
  });
}

Deno.test("an evaluation in chunks never holds the logits of all target tokens", async () => {
  const logits = 4 * 60 * 5000;
  assert(await peak(Infinity) > logits);
  assert(await peak(6 * 5000) < logits / 2);
});

Deno.test("an output layer whose adapter drops is not given chunks", () =>
  withDevice("f64", async (device) => {
    const model = models["a GPT-2 whose untied output layer is adapted"]!(device);
    // One target an example: each row of the output layer is one.
    const examples = examplesOf([5, 4], [4, 3], [6, 5], [3, 2]);
    const batch = toBatch(device, examples, { numbers: [0, 1, 2, 3] });
    const plan = dropoutPlan("lora", true, { rate: 0.5, site: [{ position: "lora" }] });
    const loss = async (mostLogits: number) => {
      const options = { plan, key: seedKey(1), normaliser: 1, mostLogits };
      return await objective(model, batch, options).loss.item();
    };
    assertEquals(await loss(1), await loss(Infinity));
  }));

Deno.test("chunks refuse what the whole refuses", () =>
  withDevice("f64", (device) => {
    const model = models["a LLaMA"]!(device);
    const batch = toBatch(device, examplesOf([5, 2]));
    const options = { key: seedKey(1), normaliser: 1 };
    for (const mostLogits of [0, -1, NaN]) {
      assertThrows(
        () => objective(model, batch, { ...options, mostLogits }),
        OptionError,
        `Cannot train as mostLogits requires a number above 0: found ${mostLogits}`,
      );
    }
    const labels = toBatch(device, [{ ids: [3, 4, 5, 40], predictFrom: 1 }]).labels!;
    for (const mostLogits of [Infinity, 1]) {
      assertThrows(
        () => objective(model, { ...batch, labels }, { ...options, mostLogits }),
        IndexError,
        "as the logits have 23 classes, or ignoreIndex: found 40 at [2]",
      );
    }
  }));

for (const half of [false, true]) {
  const title = half ? "beside frozen matrices in bf16" : "with an adapted output layer";
  Deno.test(`a window of batches with 7, 2 and 0 targets is the same in chunks ${title}`, () =>
    withDevice(half ? "f32" : "f64", async (device) => {
      const run = async (mostLogits: number) => {
        using _scope = device.scope("run");
        const model = half
          ? halved(device, models["a LLaMA"]!(device))
          : models["a GPT-2 whose untied output layer is adapted"]!(device);
        if (half) applyLora(model, { targets: ["q_proj", "lm_head"], rank: 2, alpha: 4 });
        for (const [path, parameter] of parameters(model)) {
          if (half && path.includes("lora_")) {
            const data = numbers(5, parameter.size, -0.3, 0.3);
            parameter.value = tensor(device, data, parameter.shape);
          }
        }
        const trainable = await Trainable.of(model, device);
        const optimiser = new SGD(trainable, { clip: 0 });
        const window = [[[7, 3], [5, 2]], [[3, 1]], [[4, 4]]].map((shapes, i) =>
          toBatch(device, examplesOf(...shapes as [number, number][]), {
            numbers: shapes.map((_, b) => 2 * i + b),
          })
        );
        const plan = dropoutPlan("hiddenkey", true, { rate: 0.3, kl: 0.5 });
        const { loss } = trainStep({ model, optimiser }, window, seedKey(2), {
          plan,
          lr: 0.1,
          mostLogits,
        });
        return [await loss.item(), ...await trainable.flat.read()];
      };
      const whole = await run(Infinity);
      assert(whole.length > 20 && whole.every(Number.isFinite));
      for (const rows of [1, 3]) {
        assertClose(await run(rows * vocabulary), whole, half ? 2e-6 : 1e-12);
      }
    }));
}

/** A model whose frozen matrices have 16 bits: the upper halves of its numbers. */
function halved(device: Device, model: LanguageModel): LanguageModel {
  for (const [path, parameter] of parameters(model)) {
    if (parameter.shape.length !== 2) continue;
    const data = normal(foldKey(seedKey(1), path), parameter.size).map((x) => 0.4 * x);
    const words = Uint16Array.from(
      new Uint32Array(Float32Array.from(data).buffer),
      (w) => w >>> 16,
    );
    parameter.value = tensor(device, words, parameter.shape, "bf16");
  }
  return model;
}
