import { assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { type Batch, type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { objective } from "../../../nn/objective/objective.ts";
import { SGD } from "../../../nn/optim/sgd.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { assertClose } from "../../support/differences.ts";
import { randomModel, tinyConfig, tinyExamples } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

const key = seedKey(3);
const plan = dropoutPlan("hiddenkey", true, { rate: 0.3, kl: 0.6 });

/** Four texts whose numbers of target tokens differ. */
const texts = tinyExamples([9, 4, 12, 6], true);

/** A language model, all of whose parameters are trained by plain descent. */
async function setting(device: Device) {
  const model = randomModel(device, tinyConfig("gpt2"), "language");
  for (const [, parameter] of parameters(model)) parameter.trainable = true;
  const trainable = await Trainable.of(model, device);
  return { model, optimiser: new SGD(trainable, { clip: 0 }) };
}

/** Batches of some texts, numbered by their places. */
function batches(device: Device, groups: readonly (readonly number[])[]): Batch[] {
  return groups.map((places) => {
    const examples: EncodedExample[] = places.map((i) => texts[i]!);
    return toBatch(device, examples, { numbers: [...places] });
  });
}

const layouts = [[[0, 1, 2, 3]], [[0], [1, 2, 3]], [[2, 0], [3], [1]], [[3], [2], [1], [0]]];

Deno.test("trainStep() does the same whatever batches a window is cut into", () =>
  withDevice("f64", async (device) => {
    const results: number[][] = [];
    for (const layout of layouts) {
      using _scope = device.scope("layout");
      const { model, optimiser } = await setting(device);
      const [whole] = batches(device, [[0, 1, 2, 3]]);
      const normaliser = sizeOf(whole!.labels!.shape);
      const own = gradient(
        () => objective(model, whole!, { plan, key, normaliser }),
        optimiser.trainable.tensors,
      );
      const slopes = await Promise.all(own.gradients.map((g) => g!.read()));
      const before = await optimiser.trainable.flat.read();
      const metrics = trainStep({ model, optimiser }, batches(device, layout), key, {
        plan,
        lr: 0.5,
      });
      const { loss, task, compensation, squaredNorm } = metrics;
      // One pass over the whole window, and a step against its gradient.
      const flat = slopes.flatMap((slope) => [...slope]);
      const norm = flat.reduce((sum, g) => sum + g * g, 0);
      const expected = [
        await own.result.loss.item(),
        await own.result.task.item(),
        await own.result.compensation!.item(),
        norm,
      ];
      const found = [
        await loss.item(),
        await task.item(),
        await compensation!.item(),
        await squaredNorm.item(),
      ];
      assertClose(found, expected, 1e-12, 1e-11);
      assertClose(
        await optimiser.trainable.flat.read(),
        Array.from(before, (x, i) => x - 0.5 * flat[i]!),
        1e-12,
      );
      results.push(found);
    }
    assertEquals(results.length, layouts.length);
  }));

Deno.test("trainStep() begins each step anew", () =>
  withDevice("f64", async (device) => {
    const { model, optimiser } = await setting(device);
    const window = batches(device, [[0, 1], [2, 3]]);
    const norms: number[] = [];
    // Without a learning rate nothing changes: two steps with one key are the same step.
    for (let step = 0; step < 2; step++) {
      const { squaredNorm } = trainStep({ model, optimiser }, window, key, { plan, lr: 0 });
      norms.push(await squaredNorm.item());
    }
    assertEquals(norms[1], norms[0]);
    const other = trainStep({ model, optimiser }, window, seedKey(4), { plan, lr: 0 });
    assertEquals(await other.squaredNorm.item() === norms[0], false);
    assertEquals(optimiser.steps, 3);
  }));

Deno.test("trainStep() steps by the mean over draws of the masks, each of which differs", () =>
  withDevice("f64", async (device) => {
    const instances = 3;
    const { model, optimiser } = await setting(device);
    const window = batches(device, [[0, 1], [2, 3]]);
    const [whole] = batches(device, [[0, 1, 2, 3]]);
    const normaliser = sizeOf(whole!.labels!.shape);
    const losses: number[] = [];
    const mean = new Float64Array(sizeOf(optimiser.trainable.flat.shape));
    for (let draw = 0; draw < instances; draw++) {
      using _scope = device.scope("draw");
      const own = draw === 0 ? key : foldKey(key, draw);
      const { result, gradients } = gradient(
        () => objective(model, whole!, { plan, key: own, normaliser }),
        optimiser.trainable.tensors,
      );
      losses.push(await result.loss.item());
      const slopes = await Promise.all(gradients.map((g) => g!.read()));
      slopes.flatMap((slope) => [...slope]).forEach((g, i) => mean[i]! += g / instances);
    }
    assertEquals(new Set(losses).size, instances);
    const before = await optimiser.trainable.flat.read();
    const { loss } = trainStep({ model, optimiser }, window, key, {
      plan: { ...plan, instances },
      lr: 0.5,
    });
    const total = losses.reduce((sum, x) => sum + x, 0);
    assertClose([await loss.item()], [total / instances], 1e-12);
    const after = await optimiser.trainable.flat.read();
    assertClose(after, Array.from(before, (x, i) => x - 0.5 * mean[i]!), 1e-12);
  }));
