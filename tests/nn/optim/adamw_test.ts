import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { AdamW, type AdamWOptions } from "../../../nn/optim/adamw.ts";
import { assertClose } from "../../support/differences.ts";
import {
  clipFactor,
  count,
  decays,
  exclusions,
  rateFactor,
  stepRandomly,
  trainableOf,
} from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

/** What counts where nothing is said. */
const usual = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  decayExclude: [],
  clip: 1,
  loraplusRatio: 1,
} as const;

/** AdamW as PyTorch's documentation writes it, number by number. */
class PlainAdamW {
  readonly first = new Float64Array(count);
  readonly second = new Float64Array(count);
  #steps = 0;

  constructor(readonly values: Float64Array, readonly options: AdamWOptions) {}

  step(gradients: Float64Array, base: number): void {
    const { beta1, beta2, epsilon, weightDecay, decayExclude, clip, loraplusRatio } = {
      ...usual,
      ...this.options,
    };
    const scale = clipFactor(gradients, clip);
    const t = ++this.#steps;
    gradients.forEach((raw, i) => {
      const g = raw * scale;
      const lr = base * rateFactor(i, loraplusRatio);
      if (decays(i, decayExclude)) this.values[i]! *= 1 - lr * weightDecay;
      this.first[i] = beta1 * this.first[i]! + (1 - beta1) * g;
      this.second[i] = beta2 * this.second[i]! + (1 - beta2) * g * g;
      const m = this.first[i]! / (1 - beta1 ** t);
      const v = this.second[i]! / (1 - beta2 ** t);
      this.values[i]! -= lr * m / (Math.sqrt(v) + epsilon);
    });
  }
}

const settings = fc.record({
  beta1: fc.constantFrom(0.9, 0, 0.95),
  beta2: fc.constantFrom(0.999, 0.5, 0.98),
  epsilon: fc.constantFrom(1e-8, 1e-6, 0.1),
  weightDecay: fc.constantFrom(0, 0.01, 0.1),
  decayExclude: exclusions,
  // The norm of the gradients below is about 3.6: both sides of the limit occur.
  clip: fc.constantFrom(0, 0.1, 1, 3.6, 100),
  loraplusRatio: fc.constantFrom(1, 4, 0.5),
}, { requiredKeys: [] });
const rates = fc.constantFrom(1e-4, 1e-2, 0.3);

Deno.test("AdamW steps as its formula written in plain numbers", () =>
  withDevice("f64", (device) =>
    fc.assert(
      fc.asyncProperty(settings, rates, fc.nat({ max: 1e6 }), async (options, rate, seed) => {
        using _scope = device.scope("training");
        const { trainable, chosen } = await trainableOf(device, seed);
        const optimiser = new AdamW(trainable, options);
        const plain = new PlainAdamW(Float64Array.from(await trainable.flat.read()), options);
        for (let step = 0; step < 6; step++) {
          plain.step(stepRandomly(optimiser, seed + 10 * step, rate), rate);
        }
        assertClose(await trainable.flat.read(), plain.values, 1e-13);
        assertClose(await optimiser.firstMoment.read(), plain.first, 1e-13);
        assertClose(await optimiser.secondMoment.read(), plain.second, 1e-13);
        assertEquals(optimiser.steps, 6);
        // The model's parameters are views of the flat storage.
        assertClose(await chosen[1]!.value.read(), plain.values.subarray(6), 1e-13);
      }),
      { numRuns: 50 },
    )));

Deno.test("AdamW decays by learning rate x weight decay even without a gradient", () =>
  withDevice("f64", async (device) => {
    const { trainable } = await trainableOf(device);
    const before = await trainable.flat.read();
    new AdamW(trainable, { weightDecay: 0.1 }).step(trainable.squaredNorm(), 0.5);
    // x (1 - 0.5 · 0.1), as m = v = 0.
    assertClose(await trainable.flat.read(), before.map((x: number) => x * 0.95), 1e-16);
  }));
