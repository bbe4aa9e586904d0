import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { OptionError, TrainingError } from "../../../core/errors.ts";
import { sizeOf } from "../../../core/shape.ts";
import { tensor } from "../../../core/tensor.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { numbers } from "../../support/differences.ts";
import { count, Pair, shapes, trainableOf } from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

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
