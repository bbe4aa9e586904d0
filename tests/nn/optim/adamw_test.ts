import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError, ShapeError, TrainingError } from "../../../core/errors.ts";
import { sizeOf } from "../../../core/shape.ts";
import { tensor } from "../../../core/tensor.ts";
import { Linear } from "../../../nn/layers/linear.ts";
import { Module } from "../../../nn/layers/module.ts";
import { type AdamWOptions, Trainable } from "../../../nn/optim/adamw.ts";
import { assertClose, numbers, randomTensor } from "../../support/differences.ts";
import { withDevice } from "../../support/with_device.ts";

/** Two layers of which the first's weight and the second's bias are trained. */
class Pair extends Module {
  readonly first: Linear = new Linear(3, 2);
  readonly second: Linear = new Linear(2, 4);
}

const shapes = [[2, 3], [4]];
const count = 10;

async function trainableOf(device: Parameters<typeof Trainable.of>[1], seed = 1) {
  const model = new Pair();
  const chosen = [model.first.weight, model.second.bias!];
  chosen.forEach((parameter, i) => {
    parameter.value = randomTensor(device, seed + i, shapes[i]!);
    parameter.trainable = true;
  });
  return { trainable: await Trainable.of(model, device), chosen };
}

/** What counts where nothing is said. */
const usual = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0, clip: 1 } as const;

/** AdamW as PyTorch's documentation writes it, number by number. */
class PlainAdamW {
  readonly first = new Float64Array(count);
  readonly second = new Float64Array(count);
  #steps = 0;

  constructor(readonly values: Float64Array) {}

  step(gradients: Float64Array, options: AdamWOptions): void {
    const { lr, betas: [beta1, beta2], epsilon, weightDecay, clip } = {
      ...usual,
      ...options,
    };
    const norm = Math.hypot(...gradients);
    const scale = clip > 0 ? Math.min(1, clip / (norm + 1e-6)) : 1;
    const t = ++this.#steps;
    gradients.forEach((raw, i) => {
      const g = raw * scale;
      this.values[i]! *= 1 - lr * weightDecay;
      this.first[i] = beta1 * this.first[i]! + (1 - beta1) * g;
      this.second[i] = beta2 * this.second[i]! + (1 - beta2) * g * g;
      const m = this.first[i]! / (1 - beta1 ** t);
      const v = this.second[i]! / (1 - beta2 ** t);
      this.values[i]! -= lr * m / (Math.sqrt(v) + epsilon);
    });
  }
}

const settings = fc.record({
  lr: fc.constantFrom(1e-4, 1e-2, 0.3),
  betas: fc.constantFrom([0.9, 0.999] as const, [0, 0.5] as const, [0.95, 0.98] as const),
  epsilon: fc.constantFrom(1e-8, 1e-6, 0.1),
  weightDecay: fc.constantFrom(0, 0.01, 0.1),
  // The norm of the gradients below is about 3.6: both sides of the limit occur.
  clip: fc.constantFrom(0, 0.1, 1, 3.6, 100),
}, { requiredKeys: ["lr"] });

Deno.test("Trainable steps as AdamW written in plain numbers", () =>
  withDevice("f64", (device) =>
    fc.assert(
      fc.asyncProperty(settings, fc.nat({ max: 1e6 }), async (options, seed) => {
        using _scope = device.scope("training");
        const { trainable, chosen } = await trainableOf(device, seed);
        const plain = new PlainAdamW(Float64Array.from(await trainable.flat.read()));
        for (let step = 0; step < 6; step++) {
          const gradients = numbers(seed + 10 * step, count);
          trainable.clear();
          trainable.accumulate([
            tensor(device, gradients.subarray(0, 6), [2, 3]),
            tensor(device, gradients.subarray(6), [4]),
          ]);
          trainable.step(trainable.squaredNorm(), options);
          plain.step(gradients, options);
        }
        assertClose(await trainable.flat.read(), plain.values, 1e-13);
        assertClose(await trainable.first.read(), plain.first, 1e-13);
        assertClose(await trainable.second.read(), plain.second, 1e-13);
        assertEquals(trainable.steps, 6);
        // The model's parameters are views of the flat storage.
        assertClose(await chosen[1]!.value.read(), plain.values.subarray(6), 1e-13);
      }),
      { numRuns: 50 },
    )));

Deno.test("Trainable decays by learning rate x weight decay even without a gradient", () =>
  withDevice("f64", async (device) => {
    const { trainable } = await trainableOf(device);
    const before = await trainable.flat.read();
    const options = { lr: 0.5, betas: [0.9, 0.999], epsilon: 1e-8, clip: 1 } as const;
    trainable.step(trainable.squaredNorm(), { ...options, weightDecay: 0.1 });
    // x (1 - 0.5 · 0.1), as m = v = 0.
    assertClose(await trainable.flat.read(), before.map((x: number) => x * 0.95), 1e-16);
  }));

Deno.test("Trainable adds gradients until it is cleared, and knows their squared norm", () =>
  withDevice("f64", async (device) => {
    const { trainable } = await trainableOf(device);
    const ones = shapes.map((shape) =>
      tensor(device, new Float64Array(sizeOf(shape)).fill(1), shape)
    );
    trainable.accumulate(ones);
    trainable.accumulate(ones);
    assertEquals([...await trainable.gradients.read()], new Array<number>(count).fill(2));
    // 10 · 2².
    assertEquals(await trainable.squaredNorm().item(), 40);
    trainable.clear();
    assertEquals(await trainable.squaredNorm().item(), 0);
  }));

Deno.test("Trainable moves the trainable parameters alone into one storage", () =>
  withDevice("f64", async (device) => {
    const { trainable, chosen } = await trainableOf(device, 4);
    assertEquals(trainable.names, ["first.weight", "second.bias"]);
    assertEquals([...await trainable.flat.read()], [...numbers(4, 6), ...numbers(5, 4)]);
    for (const [i, { value }] of chosen.entries()) {
      assertStrictEquals(value.value.storage, trainable.flat.value.storage);
      assertStrictEquals(trainable.tensors[i], value);
      assertEquals([...await value.read()], [...numbers(4 + i, sizeOf(shapes[i]!))]);
    }
    await assertRejects(
      () => Trainable.of(new Pair(), device),
      OptionError,
      "no parameter is trainable",
    );
  }));

Deno.test("Trainable names a parameter that the loss does not reach", () =>
  withDevice("f64", async (device) => {
    const { trainable } = await trainableOf(device);
    const given = tensor(device, new Float64Array(6), [2, 3]);
    assertThrows(
      () => trainable.accumulate([given, undefined]),
      TrainingError,
      "Cannot train second.bias as the loss does not depend on it",
    );
  }));

Deno.test("Trainable restores values and moments and continues as if never stopped", () =>
  withDevice("f64", async (device) => {
    const options: AdamWOptions = {
      lr: 0.01,
      betas: [0.9, 0.999],
      epsilon: 1e-8,
      weightDecay: 0.1,
      clip: 1,
    };
    const run = (trainable: Trainable, from: number, to: number) => {
      for (let step = from; step < to; step++) {
        trainable.clear();
        trainable.accumulate(
          shapes.map((shape, i) => randomTensor(device, 50 + step * 2 + i, shape)),
        );
        trainable.step(trainable.squaredNorm(), options);
      }
    };
    const { trainable: whole } = await trainableOf(device);
    run(whole, 0, 5);
    const { trainable: stopped } = await trainableOf(device);
    run(stopped, 0, 2);
    const state = {
      flat: await stopped.flat.read(),
      first: await stopped.first.read(),
      second: await stopped.second.read(),
    };
    const { trainable: resumed, chosen } = await trainableOf(device, 90);
    resumed.restore(state);
    resumed.steps = stopped.steps;
    assertEquals([...await chosen[0]!.value.read()], [...state.flat.subarray(0, 6)]);
    run(resumed, 2, 5);
    for (const name of ["flat", "first", "second"] as const) {
      assertEquals(await resumed[name].read(), await whole[name].read());
    }
    assert(resumed.steps === 5);
    const short = new Float64Array(3);
    for (const name of ["flat", "first", "second"] as const) {
      assertThrows(
        () => resumed.restore({ ...state, [name]: short }),
        ShapeError,
        `Cannot restore ${name} as 10 numbers are required: found 3`,
      );
    }
  }));
