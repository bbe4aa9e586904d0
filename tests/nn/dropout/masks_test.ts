import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import { zeros } from "../../../core/ops/create.ts";
import { dropHidden } from "../../../nn/dropout/drop_hidden.ts";
import { foldKey, type Key, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type Method } from "../../../nn/dropout/methods.ts";
import {
  type DropoutPlan,
  type Position,
  positions,
  type Structure,
  structures,
} from "../../../nn/dropout/plan.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { assertClose } from "../../support/differences.ts";
import {
  architectureNames,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { architectureOf, languageModel } from "../../../nn/models/registry.ts";
import type { Model, ModelConfig } from "../../../nn/models/model.ts";
import { layerPlace, siteAt } from "../../../nn/dropout/site.ts";
import { applyLora } from "../../../nn/lora/apply.ts";

const key = seedKey(12);
/** Structures that a position cannot have, and its own instead; without tokens a column is all. */
const instead = (position: Position, structure: Structure): Structure => {
  if (position === "output") return "element";
  const attention = position === "logits" || position === "weights";
  return attention && structure === "feature" ? "column" : structure;
};
/** Every position at once, in one structure. */
const wholePlan = (structure: Structure): DropoutPlan => ({
  sites: positions.map((position) => ({
    position,
    structure: instead(position, structure),
    rate: 0.375,
    layers: "all",
  })),
  compensation: { kind: "none", weight: 0, branches: 1 },
});

/** The same, and HiddenCut's spans where attention points. */
const plans: readonly DropoutPlan[] = [
  ...structures.map(wholePlan),
  {
    ...wholePlan("span"),
    sites: wholePlan("span").sites.map((site) =>
      site.position === "hidden" ? { ...site, start: "attention" } : site
    ),
  },
];

/** A classifier with LoRA whose numbers are all random, so that every site counts. */
function adaptedClassifier(device: Device, config: ModelConfig): Model {
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
  fillRandomly(model, device);
  return model;
}

/** Logits of examples with their numbers in the global batch. */
async function logitsOf(
  device: Device,
  model: Model,
  examples: readonly EncodedExample[],
  counters: readonly number[],
  dropping: DropoutPlan,
  extra = 0,
): Promise<number[][]> {
  using _scope = device.scope("logits");
  const width = Math.max(...examples.map(({ ids }) => ids.length)) + extra;
  const batch = toBatch(device, examples, { width });
  const dropout = {
    plan: dropping,
    key,
    examples: tensor(device, counters, [counters.length], "u32"),
    lengths: batch.lengths,
  };
  const logits = await model.forward({ batch, dropout }).logits.read();
  return examples.map((_, b) => [...logits.subarray(b * 3, b * 3 + 3)]);
}

const examples = tinyExamples([5, 2, 7]);
const counters = [0, 2, 4];
const limit = 1e-13;

for (const architecture of architectureNames) {
  const config = tinyConfig(architecture);

  Deno.test(`masks of ${architecture} are a function of key and counter, not of call order`, () =>
    withDevice("f64", async (device) => {
      const model = adaptedClassifier(device, config);
      for (const structure of structures) {
        const all = wholePlan(structure);
        const first = await logitsOf(device, model, examples, counters, all);
        const other = await logitsOf(device, model, examples, [1, 3, 5], all);
        assertEquals(await logitsOf(device, model, examples, counters, all), first);
        // The second pass has counters of its own.
        for (const b of [0, 1, 2]) assertNotEquals(other[b], first[b]);
      }
    }));

  Deno.test(`masks of ${architecture} do not depend on padding, bucketing or micro-batches`, () =>
    withDevice("f64", async (device) => {
      const model = adaptedClassifier(device, config);
      for (const all of plans) {
        const run = (order: number[], extra: number) =>
          logitsOf(
            device,
            model,
            order.map((b) => examples[b]!),
            order.map((b) => counters[b]!),
            all,
            extra,
          );
        const whole = await run([0, 1, 2], 0);
        const sorted = await run([1, 0, 2], 0);
        const wide = await run([0, 1, 2], 6);
        const last = await run([2, 1], 3);
        for (const b of [0, 1, 2]) {
          const [alone] = await run([b], 0);
          assertClose(alone!, whole[b]!, limit);
          assertClose(wide[b]!, whole[b]!, limit);
          assertClose(sorted[[1, 0, 2][b]!]!, whole[b]!, limit);
          if (b > 0) assertClose(last[2 - b]!, whole[b]!, limit);
        }
        // The number of an example decides, not its place.
        const moved = await logitsOf(device, model, examples, [2, 0, 4], all);
        assert(Math.abs(moved[0]![0]! - whole[0]![0]!) > 1e-6);
        assertClose(moved[2]!, whole[2]!, limit);
      }
    }));
}

Deno.test("siteAt() gives every position, layer and step a key of its own", () =>
  withDevice("f32", (device) => {
    const { lengths } = toBatch(device, examples);
    const keys = new Set<string>();
    for (const step of [1, 2]) {
      const dropping = wholePlan("element");
      const stepKey = foldKey(key, step);
      const dropout = { plan: dropping, key: stepKey, examples: lengths, lengths };
      for (const layer of [0, 1]) {
        for (const position of positions) {
          keys.add(String(siteAt({ dropout }, position, layerPlace(layer, 2))!.key));
        }
      }
    }
    assertEquals(keys.size, 2 * 2 * positions.length);
  }));

const settings = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clip: 1,
} as const;

/** Loss, compensation, gradients and norm of one step over a window of batches. */
async function stepOf(device: Device, config: ModelConfig, windows: number[][], method: Method) {
  using _scope = device.scope("step");
  const language = config.causal;
  const list = tinyExamples([5, 2, 7, 4, 6, 3], language);
  const model = language ? languageModel(config) : adaptedClassifier(device, config);
  if (language) {
    fillRandomly(model, device);
    applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
    fillRandomly(model, device);
  }
  const trainable = await Trainable.of(model, device);
  const optimiser = new AdamW(trainable, settings);
  const batches = windows.map((places) =>
    toBatch(device, places.map((place) => list[place]!), { numbers: places })
  );
  const figures = trainStep({ model, optimiser }, batches, key, {
    plan: dropoutPlan(method, false, { rate: 0.25, kl: 0.5 }),
    smoothing: 0.1,
    lr: 1e-3,
  });
  return {
    loss: [await figures.loss.item(), await figures.task.item(), await figures.squaredNorm.item()],
    compensation: await figures.compensation?.item(),
    gradients: await trainable.gradients.read(),
    steps: optimiser.steps,
  };
}

for (const architecture of ["bert", "gpt2"] as const) {
  for (const method of ["hiddenkey", "lora-dropout", "dropattention"] as const) {
    Deno.test(`accumulation over batches of ${architecture} equals one batch, with ${method}`, () =>
      withDevice("f64", async (device) => {
        const config = tinyConfig(architecture);
        const whole = await stepOf(device, config, [[0, 1, 2, 3, 4, 5]], method);
        assert(whole.gradients.some((g) => Math.abs(g) > 1e-3));
        for (const windows of [[[0, 1, 2], [3, 4, 5]], [[5, 0], [1, 4], [3, 2]]]) {
          const parts = await stepOf(device, config, windows, method);
          assertClose(parts.loss, whole.loss, 1e-12);
          assertClose(parts.gradients, whole.gradients, 1e-12);
          assertEquals(parts.compensation === undefined, method !== "hiddenkey");
          if (parts.compensation !== undefined) {
            assertClose([parts.compensation], [whole.compensation!], 1e-12);
            assert(parts.compensation > 1e-4);
          }
          assertEquals(parts.steps, 1);
        }
      }));
  }
}

Deno.test("a plan of one's own is checked where its mask is drawn", () =>
  withDevice("f32", (device) => {
    const words = (data: number[]) => tensor(device, data, undefined, "u32");
    const drop = (
      change: Record<string, unknown>,
      shape = [2, 3, 4],
      count = 2,
      key: unknown = seedKey(2),
    ) => {
      const plan = dropoutPlan("hiddencut", false);
      const site = { ...plan.sites[0]!, ...change };
      const list = words(new Array(count).fill(2));
      const dropout = { plan, key: seedKey(1), examples: list, lengths: list };
      return dropHidden(zeros(device, shape), { site, key: key as Key, dropout });
    };
    for (const rate of [-0.1, 1, 1.5, NaN, undefined]) {
      assertThrows(() => drop({ rate }), OptionError, "hidden as the rate must lie in [0, 1)");
    }
    for (const spanLength of [-1, 1.5, NaN, 2 ** 32]) {
      assertThrows(() => drop({ structure: "span", spanLength }), OptionError, "positive integer");
    }
    assertThrows(
      () => drop({ structure: "row" }),
      OptionError,
      "structure requires one of element",
    );
    for (const key of [[1.5, 2], [-1, 0], [1], null]) {
      assertThrows(() => drop({}, [2, 3, 4], 2, key), OptionError, "a key of two words of 32 bits");
    }
    assertThrows(() => drop({}, [3]), ShapeError, "x requires [batch, tokens, width]");
    assertThrows(() => drop({}, [2, 3], 3), ShapeError, "examples requires 2 elements");
    assertEquals(drop({ rate: 0 }).shape, [2, 3, 4]);
  }));
