import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { OptionError, TrainingError } from "../../../core/errors.ts";
import { gradient } from "../../../core/gradient.ts";
import { add } from "../../../core/ops/elementwise.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { reshape, transpose } from "../../../core/ops/view.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { numbers, randomTensor } from "../../support/differences.ts";
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

/** Sums of products with the weight `[2, 3]` and the bias `[4]` of the pair. */
const uses: Readonly<Record<string, [programs: number, (w: Tensor, b: Tensor) => Tensor]>> = {
  "itself, and once": [1, (w, b) => add(products(w, 5), sum(b))],
  "transposed, and once": [1, (w, b) => add(products(transpose(w), 6), sum(b))],
  "in two products": [2, (w, b) => add(add(products(w, 5), products(transpose(w), 6)), sum(b))],
  "by two views": [2, (w, b) => {
    const views = [transpose(w), transpose(w)] as const;
    return add(add(products(views[0], 5), products(views[1], 7)), sum(b));
  }],
  "twice in one way": [2, (w, b) => add(add(products(w, 5), products(w, 7)), sum(b))],
  "both in one product": [0, (w, b) => {
    return sum(matmul(transpose(w), matmul(reshape(b, [2, 2]), randomTensor(w.device, 8, [2, 5]))));
  }],
};

/** Sum of a product whose elements have gradients of their own. */
function products(w: Tensor, seed: number): Tensor {
  const [rows, columns] = w.shape as [number, number];
  const left = randomTensor(w.device, seed, [5, rows]);
  return sum(matmul(matmul(left, w), randomTensor(w.device, seed + 10, [columns, 4])));
}

for (const [name, [copies, loss]] of Object.entries(uses)) {
  Deno.test(`Trainable has the gradients of parameters used ${name}, window after window`, () =>
    withDevice("f64", async (device) => {
      const { trainable } = await trainableOf(device);
      const [w, b] = trainable.tensors as [Tensor, Tensor];
      const run = () => loss(w, b);
      const { statistics } = device.backend;
      const start = statistics.runs;
      const { gradients } = gradient(run, [w, b]);
      const programs = statistics.runs - start;
      const single = await Promise.all(gradients.map(async (g) => [...await g!.read()]));
      for (const [window, more] of [[1, copies], [2, 2]] as const) {
        const before = statistics.runs;
        trainable.differentiate(run);
        assertEquals(statistics.runs - before, programs + more);
        const expected = single.flat().map((g) => window * g);
        assertEquals([...await trainable.gradients.read()], expected);
      }
    }));
}

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
