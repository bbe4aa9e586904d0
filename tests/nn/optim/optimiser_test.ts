import { assertEquals, assertThrows } from "@std/assert";
import type { TypedArray } from "../../../core/dtype.ts";
import { OptionError, ShapeError } from "../../../core/errors.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import {
  checkpointTensors,
  type Optimiser,
  restoreOptimiser,
} from "../../../nn/optim/optimiser.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import type { Trainable } from "../../../nn/optim/trainable.ts";
import { stepRandomly, trainableOf } from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

const rules: Readonly<Record<string, (trainable: Trainable) => Optimiser>> = {
  AdamW: (trainable) => new AdamW(trainable, { weightDecay: 0.1 }),
  SGD: (trainable) => new SGD(trainable, { weightDecay: 0.1 }),
  "SGD with momentum": (trainable) => new SGD(trainable, { momentum: 0.9 }),
};

/** Names of a checkpoint's tensors are a file format. */
const namesOf: Readonly<Record<string, readonly string[]>> = {
  AdamW: ["parameters", "first", "second"],
  SGD: ["parameters"],
  "SGD with momentum": ["parameters", "direction"],
};

async function read(optimiser: Optimiser): Promise<Record<string, TypedArray>> {
  const tensors = Object.entries(checkpointTensors(optimiser));
  return Object.fromEntries(
    await Promise.all(tensors.map(async ([name, t]) => [name, await t.read()] as const)),
  );
}

for (const [name, make] of Object.entries(rules)) {
  Deno.test(`restoreOptimiser() lets ${name} go on as if never stopped`, () =>
    withDevice("f64", async (device) => {
      const run = (optimiser: Optimiser, from: number, to: number) => {
        for (let step = from; step < to; step++) stepRandomly(optimiser, 50 + 2 * step, 0.01);
      };
      const whole = make((await trainableOf(device)).trainable);
      run(whole, 0, 5);
      const stopped = make((await trainableOf(device)).trainable);
      run(stopped, 0, 2);
      const saved = await read(stopped);
      assertEquals(Object.keys(saved), namesOf[name]);
      const { trainable, chosen } = await trainableOf(device, 90);
      const resumed = make(trainable);
      restoreOptimiser(resumed, saved, stopped.steps);
      assertEquals([...await chosen[0]!.value.read()], [...saved["parameters"]!.subarray(0, 6)]);
      run(resumed, 2, 5);
      assertEquals(await read(resumed), await read(whole));
      assertEquals(resumed.steps, 5);
    }));

  Deno.test(`restoreOptimiser() refuses too few numbers for ${name} and changes nothing`, () =>
    withDevice("f64", async (device) => {
      const optimiser = make((await trainableOf(device)).trainable);
      stepRandomly(optimiser, 3, 0.01);
      const before = await read(optimiser);
      const zeros = Object.fromEntries(namesOf[name]!.map((part) => [part, new Float64Array(10)]));
      for (const part of namesOf[name]!) {
        assertThrows(
          () => restoreOptimiser(optimiser, { ...zeros, [part]: new Float64Array(3) }, 0),
          ShapeError,
          `Cannot restore ${part} as 10 numbers are required: found 3`,
        );
      }
      assertEquals(await read(optimiser), before);
      assertEquals(optimiser.steps, 1);
    }));
}

Deno.test("rules refuse numbers that mean nothing", () =>
  withDevice("f32", async (device) => {
    const { trainable } = await trainableOf(device);
    const refuse = (make: () => unknown, text: string) => assertThrows(make, OptionError, text);
    for (const beta1 of [-0.1, 1, NaN]) {
      refuse(
        () => new AdamW(trainable, { beta1 }),
        `beta1 requires a number in [0, 1): found ${beta1}`,
      );
    }
    refuse(() => new AdamW(trainable, { beta2: 1 }), "beta2 requires a number in [0, 1)");
    refuse(
      () => new AdamW(trainable, { epsilon: -1 }),
      "epsilon requires a finite number of at least 0",
    );
    refuse(
      () => new AdamW(trainable, { weightDecay: NaN }),
      "weightDecay requires a finite number",
    );
    refuse(() => new SGD(trainable, { momentum: 1 }), "Cannot train by SGD as momentum requires");
    refuse(() => new SGD(trainable, { clip: -1 }), "clip requires a finite number of at least 0");
    const norm = trainable.squaredNorm();
    for (const rule of [new AdamW(trainable, { clip: Infinity }), new SGD(trainable)]) {
      for (const lr of [-1, NaN, Infinity]) refuse(() => rule.step(norm, lr), `found ${lr}`);
      assertEquals(rule.steps, 0);
    }
  }));
