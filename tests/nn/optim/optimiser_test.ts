import { assertEquals, assertThrows } from "@std/assert";
import type { TypedArray } from "../../../core/dtype.ts";
import { ShapeError } from "../../../core/errors.ts";
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
