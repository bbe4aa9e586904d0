/** Passes with dropout: which masks they draw, and that nothing drops where none are asked for. */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { OptionError } from "../../../core/errors.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan, type Method, methods } from "../../../nn/dropout/methods.ts";
import { type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { architectureOf, classifier, languageModel } from "../../../nn/models/registry.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { classifyAll } from "../../../train/tasks/classification.ts";
import { type TokenLosses, tokenLosses } from "../../../train/tasks/token_losses.ts";
import {
  passesOf,
  type Reading,
  type Sampling,
  samplingOf,
} from "../../../train/tasks/sampling.ts";
import {
  architectureNames,
  fillRandomly,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const lengths = [9, 4, 12, 4, 7, 10];
const dropping = methods.filter((method) => method !== "lora");

function samplingBy(method: Method, causal: boolean, samples = 3, seed = 5): Sampling {
  const plan = dropoutPlan(method, causal, { rate: 0.5 });
  return { plan, key: seedKey(seed), samples };
}

/** A classifier with LoRA, and its logits by example, pass and class. */
function classifierLogits(device: Device, architecture: typeof architectureNames[number]) {
  const config = tinyConfig(architecture);
  const model = classifier(config);
  applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
  fillRandomly(model, device, 3);
  return (examples: readonly EncodedExample[], reading: Partial<Reading> = {}) =>
    classifyAll(model, device, examples, { padId: 0, batch: 4, ...reading }, (passes) => passes);
}

/** Token losses of a language model with LoRA. */
function languageLosses(device: Device, architecture: "gpt2" | "llama") {
  const config = tinyConfig(architecture);
  const model = languageModel(config);
  applyLora(model, { targets: architectureOf(config).targets, rank: 2, alpha: 4 });
  fillRandomly(model, device, 3);
  return (examples: readonly EncodedExample[], reading: Partial<Reading> = {}) =>
    tokenLosses(model, device, examples, { padId: 0, batch: 4, ...reading });
}

type Logits = readonly (readonly (readonly number[])[])[];

function assertClose(actual: Logits, expected: Logits, tolerance = 1e-12): void {
  assertEquals(actual.map((passes) => passes.length), expected.map((passes) => passes.length));
  actual.flat(2).forEach((x, i) => assertAlmostEquals(x, expected.flat(2)[i]!, tolerance));
}

for (const architecture of architectureNames) {
  const causal = tinyConfig(architecture).causal;
  for (const method of dropping) {
    Deno.test(`samples of ${method} on ${architecture} follow seed, pass and example alone`, () =>
      withDevice("f64", async (device) => {
        const read = classifierLogits(device, architecture);
        const examples = tinyExamples(lengths);
        const sampling = samplingBy(method, causal);
        const usual = await read(examples, { sampling });
        assertEquals(usual.map((passes) => passes.length), lengths.map(() => 3));
        assertEquals(await read(examples, { sampling }), usual);
        for (const batch of [1, 2, 6]) {
          assertClose(await read(examples, { sampling, batch }), usual);
        }
        // In another order, and some of them alone.
        const order = [4, 2, 0, 5];
        const moved = order.map((i) => examples[i]!);
        const chosen = await read(moved, { sampling, numbers: order });
        assertClose(chosen, order.map((i) => usual[i]!));
        // More passes begin with the same ones; each has masks of its own, as each example has.
        const more = await read(examples, { sampling: { ...sampling, samples: 4 } });
        assertEquals(more.map((passes) => passes.slice(0, 3)), usual);
        assertEquals(new Set(usual[0]!.map(String)).size, 3);
        const same = await read([examples[0]!, examples[0]!], { sampling });
        assertNotEquals(same[0], same[1]);
        const other = await read(examples, { sampling: samplingBy(method, causal, 3, 6) });
        assertNotEquals(other[0], usual[0]);
      }));
  }
}

for (const architecture of ["gpt2", "llama"] as const) {
  Deno.test(`token losses of ${architecture} under dropout do not depend on batches or order`, () =>
    withDevice("f32", async (device) => {
      const read = languageLosses(device, architecture);
      const examples = tinyExamples(lengths, true);
      const sampling = samplingBy("hiddenkey", true);
      const usual = await read(examples, { sampling });
      assert(usual.nll < usual.loss - 1e-3, JSON.stringify(usual));
      assertEquals(await read(examples, { sampling }), usual);
      const close = (found: TokenLosses) => {
        assertAlmostEquals(found.loss, usual.loss, 1e-6);
        assertAlmostEquals(found.nll, usual.nll, 1e-6);
      };
      for (const batch of [1, 6]) close(await read(examples, { sampling, batch }));
      const order = [4, 2, 0, 5, 1, 3];
      close(await read(order.map((i) => examples[i]!), { sampling, numbers: order }));
      const unmoved = await read(order.map((i) => examples[i]!), { sampling });
      assertNotEquals(unmoved.loss, usual.loss);
    }));
}

Deno.test("tokenLosses() has the mean loss of the passes, and the loss of their mean distribution", () =>
  withDevice("f32", async (device) => {
    const read = languageLosses(device, "gpt2");
    const sampling = samplingBy("hiddencut", true, 2);
    // A token a text, so that a pass alone gives its probability.
    const examples = tinyExamples([6, 8]).map(({ ids }) => ({ ids, predictFrom: ids.length - 1 }));
    for (const [number, example] of examples.entries()) {
      const of = (samples: number) =>
        read([example], { sampling: { ...sampling, samples }, numbers: [number] });
      const [first, both] = [(await of(1)).loss, await of(2)];
      const second = 2 * both.loss - first;
      assertEquals((await of(1)).nll, first);
      assert(Math.abs(second - first) > 1e-3);
      const mean = (Math.exp(-first) + Math.exp(-second)) / 2;
      assertAlmostEquals(both.nll, -Math.log(mean), 1e-12);
    }
  }));

Deno.test("samplingOf() is the run's own plan, where there is one", () => {
  const given = { task: "rte", data: "data", model: "model" } as const;
  const [encoder, decoder] = [{ causal: false, layers: 1 }, { causal: true, layers: 2 }];
  const chosen = { method: "dropkey", rate: 0.3, seed: 7, neftuneAlpha: 5 } as const;
  const config = resolveConfig({ ...given, ...chosen });
  assertEquals(samplingOf(config, encoder, undefined), undefined);
  const sampling = samplingOf(config, decoder, 4);
  // Noise of NEFTune is of training alone.
  const { neftuneAlpha, ...plan } = dropoutPlan("dropkey", true, config);
  assertEquals(neftuneAlpha, 5);
  assertEquals(plan.sites.map(({ layers, rate }) => [layers, rate]), [["latter-half", 0.3]]);
  assertEquals(sampling, { plan, key: seedKey(7), samples: 4 });
  const one = { causal: true, layers: 1 };
  // The latter half of one layer is none.
  const outside = [{ position: "hidden" }, { position: "output" }] as const;
  assertEquals(samplingOf(resolveConfig({ ...given, site: outside }), one, 4)?.samples, 4);
  for (const nothing of [{}, { method: "hiddenkey", rate: 0 }, { method: "dropkey" }] as const) {
    assertThrows(
      () => samplingOf(resolveConfig({ ...given, ...nothing }), one, 4),
      OptionError,
      "Cannot use --samples 4 as a run that drops something is required: found one with method",
    );
  }
});

Deno.test("passesOf() has keys of its own for each pass, which no step of training has", () =>
  withDevice("f32", (device) => {
    const sampling = { ...samplingBy("dropkey", false), samples: 20 };
    const batch = toBatch(device, tinyExamples([3]), { numbers: [0] });
    const keys = passesOf(batch, sampling).map(({ dropout }) => `${dropout!.key}`);
    const steps = foldKey(sampling.key, "dropout");
    const training = Array.from({ length: 20 }, (_, step) => `${foldKey(steps, step)}`);
    assertEquals(new Set([...keys, ...training]).size, 40);
  }));

Deno.test("passesOf() refuses a batch without counters, and no number of samples", () =>
  withDevice("f32", (device) => {
    const sampling = samplingBy("dropkey", false);
    const examples = tinyExamples([3]);
    const told = "Cannot drop from a batch without the numbers of its examples";
    assertThrows(() => passesOf(toBatch(device, examples), sampling), OptionError, told);
    for (const samples of [0, -1, 1.5, NaN]) {
      const batch = toBatch(device, examples, { numbers: [0] });
      const none = `Cannot evaluate samples as an integer from 1 is required: found ${samples}`;
      assertThrows(() => passesOf(batch, { ...sampling, samples }), OptionError, none);
    }
  }));
