// What is dropped inside an adapted output layer, which sees the target tokens alone: masks follow each
// token's example and place, whatever the layout of the batch.
import { assert, assertThrows } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { gather } from "../../../core/ops/gather.ts";
import { reshape } from "../../../core/ops/view.ts";
import { seedKey } from "../../../core/random.ts";
import { dropoutOf } from "../../../nn/dropout/batch_dropout.ts";
import { dropoutPlan, type PlanOptions } from "../../../nn/dropout/methods.ts";
import { type DropoutPlan, structures } from "../../../nn/dropout/plan.ts";
import { type BatchOptions, type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import type { LanguageModel } from "../../../nn/models/decoder.ts";
import { languageModel } from "../../../nn/models/registry.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { targetLosses } from "../../../nn/objective/target_chunks.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { assertClose } from "../../support/differences.ts";
import { fillRandomly, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** As many targets as examples, so that rows can be taken for examples; the second one has none. */
const examples: readonly EncodedExample[] = [[5, 3], [4, 4], [9, 8]].map(([length, first], i) => ({
  ids: tinyExamples([1, 1, 1].with(i, length!))[i]!.ids,
  predictFrom: first!,
}));
const vocabulary = 23;

function adaptedModel(device: Device): LanguageModel {
  const model = languageModel(tinyConfig("llama"));
  applyLora(model, { targets: ["q_proj", "lm_head"], rank: 4, alpha: 4 });
  fillRandomly(model, device);
  return model;
}

/** Every structure at every position inside LoRA, and the methods that drop there. */
const plans: readonly DropoutPlan[] = [
  ...(["lora", "rank", "update"] as const).flatMap((position) =>
    structures.flatMap((structure) =>
      [true, false].map((perExample) => {
        const site = [{ position, structure, rate: 0.4, perExample }];
        return dropoutPlan("lora", true, { site });
      })
    )
  ),
  dropoutPlan("lora-dropout", true, { rate: 0.3 }),
];

const key = seedKey(4);
const numbers = [6, 2, 3];

Deno.test("an output layer drops of target tokens what it drops of them among all tokens", () =>
  withDevice("f64", async (device) => {
    const model = adaptedModel(device);
    const batch = toBatch(device, examples, { numbers, width: 11 });
    const { rows: _, rowTokens: __, ...whole } = batch;
    const clean = await model.forward({ batch }).logits.read();
    for (const plan of plans) {
      using _scope = device.scope("plan");
      for (const pass of [0, 1] as const) {
        const dropout = dropoutOf(batch, { plan, key }, pass);
        const all = model.forward({ batch: whole, dropout: dropoutOf(whole, { plan, key }, pass) });
        const found = await model.forward({ batch, dropout }).logits.read();
        const expected = gather(reshape(all.logits, [-1, vocabulary]), batch.rows!);
        assertClose(found, await expected.read(), 1e-13);
        assert(found.some((x, i) => Math.abs(x - clean[i]!) > 1e-3));
      }
    }
  }));

/** Losses and gradients of a step of the examples in some layout. */
async function stepOf(
  device: Device,
  plan: DropoutPlan,
  { mostLogits, ...layout }: BatchOptions & { readonly mostLogits?: number },
): Promise<number[]> {
  using _scope = device.scope("step");
  const model = adaptedModel(device);
  const optimiser = new SGD(await Trainable.of(model, device));
  const batch = toBatch(device, examples, { numbers, ...layout });
  const options = { plan, lr: 0, ...(mostLogits && { mostLogits }) };
  const { loss, task, compensation } = trainStep({ model, optimiser }, [batch], key, options);
  const terms = [loss, task, compensation].filter((term) => term !== undefined);
  const losses = await Promise.all(terms.map((term) => term.item()));
  return [...losses, ...await optimiser.trainable.gradients.read()];
}

const layouts = [
  { width: 12 },
  { padMultiple: 8 },
  { pack: true, width: 16 },
  { pack: true, width: 16, padMultiple: 4 },
  { mostLogits: 2 * vocabulary },
  { pack: true, padMultiple: 4, width: 16, mostLogits: vocabulary },
];

Deno.test("an output layer drops the same in every layout: filled up, packed and in chunks", () =>
  withDevice("f64", async (device) => {
    const compared: PlanOptions[] = [{ compensation: "kl", branches: 2 }, { compensation: "js" }];
    const more = compared.map((way) => dropoutPlan("lora-dropout", true, { rate: 0.3, ...way }));
    for (const plan of [...plans, ...more]) {
      const plain = await stepOf(device, plan, {});
      assert(plain.some((x) => Math.abs(x) > 1e-3) && plain.every(Number.isFinite));
      for (const layout of layouts) {
        assertClose(await stepOf(device, plan, layout), plain, 1e-12, 1e-11);
      }
    }
  }));

webGpuTest("an output layer drops the same in every layout on WebGPU", async (device) => {
  const sites = (["lora", "rank", "update"] as const).map((position) => {
    return { position, structure: "element", rate: 0.4 } as const;
  });
  const plan = dropoutPlan("lora", true, { site: sites });
  const plain = await stepOf(device, plan, {});
  for (const layout of layouts) assertClose(await stepOf(device, plan, layout), plain, 2e-5, 2e-5);
});

Deno.test("samples of losses are the same in chunks of an output layer that drops", () =>
  withDevice("f64", async (device) => {
    const model = adaptedModel(device);
    const batch = toBatch(device, examples, { numbers });
    for (const plan of plans) {
      using _scope = device.scope("plan");
      const context = { batch, dropout: dropoutOf(batch, { plan, key }) };
      const whole = await targetLosses(model, context).read();
      assertClose(await targetLosses(model, context, vocabulary).read(), whole, 1e-13);
    }
  }));

Deno.test("an output layer that drops refuses rows whose examples are not known", () =>
  withDevice("f64", (device) => {
    const model = adaptedModel(device);
    const { rowTokens: _, ...batch } = toBatch(device, examples, { numbers });
    const step = (plan: DropoutPlan) => objective(model, batch, { plan, key, normaliser: 3 });
    const told = "Cannot drop in an output layer without rowTokens";
    for (const plan of plans) assertThrows(() => step(plan), OptionError, told);
    step(dropoutPlan("hiddenkey", true, { rate: 0.3 }));
  }));
