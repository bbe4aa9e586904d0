// The gradient of what a product ends in is what the product that gives its cotangent ends in.
import { assertEquals } from "@std/assert";
import { geluOf } from "../../core/activations.ts";
import { apply } from "../../core/apply.ts";
import { checkpoint } from "../../core/checkpoint.ts";
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { add, mul } from "../../core/ops/elementwise.ts";
import { fusedMatmul, matmul, matmulAdd, matmulScaled } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { scalar } from "../../core/expr.ts";
import { expandDims, squeeze } from "../../core/ops/view.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { assertGradient, numbers, randomTensor } from "../support/differences.ts";
import { withDevice } from "../support/with_device.ts";

const biased = fusedMatmul("biased", 1, (product, bias) => geluOf(product.add(bias!)));
const scaledSquare = fusedMatmul(
  "scaled square",
  0,
  (product) => product.mul(product).mul(scalar(0, "f32")),
);

const shapes = [[3, 4], [4, 5], [5], [5, 2], [3, 2]];
const data = shapes.map((shape, i) => numbers(70 + i, sizeOf(shape), -1, 1));

/** Of x, a matrix, a bias, a second matrix and a residual. */
type Layers = (x: readonly Tensor[]) => Tensor;

const hidden: Layers = ([x, a, bias]) => apply(biased, [x!, a!, bias!], {})[0]!;
const plain: Layers = (x) => matmulAdd(hidden(x), x[3]!, x[4]!);
/** A view in between, through which nothing ends. */
const apart: Layers = (x) => matmulAdd(squeeze(expandDims(hidden(x), 0), 0), x[3]!, x[4]!);

const cases: Readonly<Record<string, Layers>> = {
  "alone": plain,
  "of a product that is scaled": (x) => matmulScaled(hidden(x), x[3]!, 3),
  "whose end is scaled": (x) =>
    matmul(apply(scaledSquare, [x[0]!, x[1]!], { scalars: [0.7] })[0]!, x[3]!),
  "that is read again later": (x) => {
    const h = hidden(x);
    return add(matmul(h, x[3]!), matmul(mul(h, h), x[3]!));
  },
  "that was read before": (x) => {
    const h = hidden(x);
    const squared = mul(h, h);
    return add(matmul(h, x[3]!), matmul(squared, x[3]!));
  },
  "that is computed again": (x) => checkpoint([...x], (...again: Tensor[]) => plain(again)),
  "whose output is computed again": (x) =>
    matmul(checkpoint([...x], (...again: Tensor[]) => hidden(again)), x[3]!),
};

const weigh = (device: Device, y: Tensor) => sum(mul(y, randomTensor(device, 50, y.shape)));

for (const [name, run] of Object.entries(cases)) {
  for (const wanted of [[0], [0, 1, 2, 3, 4], [2], [1, 3]]) {
    Deno.test(`an end ${name} has the derivatives that differences show, of ${wanted}`, () =>
      withDevice("f64", async (device) => {
        const all = data.map((part, i) => tensor(device, part, shapes[i]!));
        const of = (x: readonly Tensor[]) => {
          const own = all.slice();
          wanted.forEach((i, k) => own[i] = x[k]!);
          return weigh(device, run(own));
        };
        const chosen = <T>(list: readonly T[]) => wanted.map((i) => list[i]!);
        await assertGradient(device, of, chosen(data), chosen(shapes));
        const second = (x: readonly Tensor[]) => {
          const { result, gradients } = gradient(() => of(x), x);
          return [result, ...gradients.flatMap((g) => g ? [weigh(device, g)] : [])].reduce(add);
        };
        await assertGradient(device, second, chosen(data), chosen(shapes));
      }));
  }
}

/** Gradients, and the outputs of the programs that the backward pass runs. */
async function backward(run: Layers, wanted: readonly number[]) {
  const outputs: number[] = [];
  let found: number[][] = [];
  await withDevice("f64", async (device) => {
    const x = data.map((part, i) => tensor(device, part, shapes[i]!));
    const { backend } = device;
    const queue = backend.run.bind(backend);
    const { gradients } = gradient(() => {
      const loss = weigh(device, run(x));
      backend.run = (program, binding) => {
        outputs.push(binding.outputs.length);
        queue(program, binding);
      };
      return loss;
    }, wanted.map((i) => x[i]!));
    found = await Promise.all(gradients.map(async (g) => [...await g!.read()]));
  });
  return { outputs, found };
}

Deno.test("an end takes no program of its own, and the same bits", async () => {
  const [ended, whole] = [await backward(plain, [0]), await backward(apart, [0])];
  assertEquals(ended.found, whole.found);
  assertEquals(ended.outputs, whole.outputs.slice(1));
});

Deno.test("what wants a gradient of its own is no end", async () => {
  const [biases, whole] = [await backward(plain, [0, 2]), await backward(apart, [0, 2])];
  assertEquals(biases, whole);
});
