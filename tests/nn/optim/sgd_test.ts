import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { seedKey } from "../../../core/random.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { SGD, type SGDOptions } from "../../../nn/optim/sgd.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { assertClose } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
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
const usual = { momentum: 0, weightDecay: 0, decayExclude: [], clip: 1, loraplusRatio: 1 };

/** SGD as PyTorch's documentation writes it, number by number. */
class PlainSGD {
  readonly direction = new Float64Array(count);

  constructor(readonly values: Float64Array, readonly options: SGDOptions) {}

  step(gradients: Float64Array, lr: number): void {
    const { momentum, weightDecay, decayExclude, clip, loraplusRatio } = {
      ...usual,
      ...this.options,
    };
    const scale = clipFactor(gradients, clip);
    gradients.forEach((raw, i) => {
      const g = raw * scale + (decays(i, decayExclude) ? weightDecay * this.values[i]! : 0);
      this.direction[i] = momentum * this.direction[i]! + g;
      this.values[i]! -= lr * rateFactor(i, loraplusRatio) * this.direction[i]!;
    });
  }
}

const settings = fc.record({
  momentum: fc.constantFrom(0, 0.5, 0.9),
  weightDecay: fc.constantFrom(0, 0.01, 0.1),
  decayExclude: exclusions,
  // The norm of the gradients below is about 3.6: both sides of the limit occur.
  clip: fc.constantFrom(0, 0.1, 1, 3.6, 100),
  loraplusRatio: fc.constantFrom(1, 4, 0.5),
}, { requiredKeys: [] });
const rates = fc.constantFrom(1e-4, 1e-2, 0.3);

Deno.test("SGD steps as its formula written in plain numbers", () =>
  withDevice("f64", (device) =>
    fc.assert(
      fc.asyncProperty(settings, rates, fc.nat({ max: 1e6 }), async (options, rate, seed) => {
        using _scope = device.scope("training");
        const { trainable, chosen } = await trainableOf(device, seed);
        const optimiser = new SGD(trainable, options);
        const plain = new PlainSGD(Float64Array.from(await trainable.flat.read()), options);
        for (let step = 0; step < 6; step++) {
          plain.step(stepRandomly(optimiser, seed + 10 * step, rate), rate);
        }
        assertClose(await trainable.flat.read(), plain.values, 1e-13);
        if (optimiser.direction !== undefined) {
          assertClose(await optimiser.direction.read(), plain.direction, 1e-13);
        }
        assertEquals(optimiser.steps, 6);
        // The model's parameters are views of the flat storage.
        assertClose(await chosen[0]!.value.read(), plain.values.subarray(0, 6), 1e-13);
      }),
      { numRuns: 50 },
    )));

Deno.test("SGD stores a direction only where it has momentum", () =>
  withDevice("f64", async (device) => {
    const { trainable } = await trainableOf(device);
    const { bytes } = device.backend.statistics;
    assertEquals(new SGD(trainable, { weightDecay: 0.1 }).state, {});
    assertEquals(device.backend.statistics.bytes, bytes);
    assertEquals(Object.keys(new SGD(trainable, { momentum: 0.9 }).state), ["direction"]);
    assertEquals(device.backend.statistics.bytes, bytes + 8 * count);
  }));

Deno.test("trainStep() takes any optimiser: SGD goes against the gradient of the loss", () =>
  withDevice("f64", async (device) => {
    const model = randomModel(device, tinyConfig("bert"), "classifier");
    trainHead(model);
    const trainable = await Trainable.of(model, device);
    const before = await trainable.flat.read();
    const batch = toBatch(device, tinyExamples([5, 3]), { numbers: [0, 1] });
    const optimiser = new SGD(trainable, { clip: 0 });
    trainStep({ model, optimiser }, [batch], seedKey(1), { lr: 0.25 });
    const gradients = await trainable.gradients.read();
    assert(gradients.some((g) => Math.abs(g) > 1e-3));
    const expected = before.map((x: number, i: number) => x - 0.25 * gradients[i]!);
    assertClose(await trainable.flat.read(), expected, 1e-15);
  }));
