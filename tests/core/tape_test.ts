import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { apply } from "../../core/apply.ts";
import { GradientError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import type { Op } from "../../core/op.ts";
import { add, exp, mul, scale, square, tanh } from "../../core/ops/elementwise.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { sum } from "../../core/ops/reduce.ts";
import { transpose } from "../../core/ops/view.ts";
import { Value } from "../../core/storage.ts";
import { noGrad, untracked } from "../../core/tape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { attentionWeightsOp } from "../../nn/layers/attention_weights.ts";
import { layerNormOp } from "../../core/ops/norm.ts";
import {
  assertClose,
  assertGradient,
  type Loss,
  numbers,
  randomTensor,
} from "../support/differences.ts";
import { withDevice } from "../support/with_device.ts";

async function read(t: Tensor | undefined): Promise<number[]> {
  return [...await t!.read()];
}

/** An operation that forgot its derivative. */
const opaque: Op = {
  name: "opaque",
  launch: (device, [x]) => {
    const out = Value.allocate(device.backend, x!.dtype, x!.shape);
    device.backend.write(out.storage.buffer, 0, new Float64Array(x!.shape[0]!));
    return [out];
  },
};

Deno.test("gradient() of a sum of squares is twice the input", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [1, -2, 3]);
    const { result, gradients, unused } = gradient(() => sum(square(x)), [x]);
    assertEquals(await result.item(), 14);
    assertEquals(await read(gradients[0]), [2, -4, 6]);
    assertEquals(unused, []);
  }));

Deno.test("gradient() adds what reaches a parameter along several ways", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [2, 3]);
    // f = Σ x² x + 5 x, f' = 3 x² + 5.
    const { gradients } = gradient(() => sum(add(mul(square(x), x), scale(x, 5))), [x]);
    assertEquals(await read(gradients[0]), [17, 32]);
    // The loss itself, and the same tensor twice.
    const one = tensor(device, [7]);
    const both = gradient(() => one, [one, one]);
    assertEquals([await read(both.gradients[0]), await read(both.gradients[1])], [[1], [1]]);
    assertEquals(await both.result.item(), 7);
  }));

Deno.test("gradient() undoes broadcasting", () =>
  withDevice("f64", async (device) => {
    const [a, b] = [tensor(device, [1, 2, 3], [1, 3]), tensor(device, [10, 20], [2, 1])];
    // f = Σij a_j b_i: df/da_j = Σ b = 30, df/db_i = Σ a = 6.
    const { gradients } = gradient(() => sum(mul(a, b)), [a, b]);
    assertEquals(await read(gradients[0]), [30, 30, 30]);
    assertEquals(await read(gradients[1]), [6, 6]);
    assertEquals(gradients.map((g) => g!.shape), [[1, 3], [2, 1]]);
  }));

Deno.test("gradient() keeps the record that the function returns", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [3]);
    const { result } = gradient(() => {
      const squared = square(x);
      return { loss: sum(squared), squared, absent: undefined };
    }, [x]);
    assertEquals([await result.loss.item(), await read(result.squared)], [9, [9]]);
  }));

Deno.test("gradient() does not take over a tensor of another scope that it returns", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [3]);
    {
      using _step = device.scope("step");
      gradient(() => ({ loss: sum(square(x)), x }), [x]);
    }
    assertEquals(await x.item(), 3);
  }));

Deno.test("gradient() reads values whose handles were disposed while recording", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [0, 1]);
    const { gradients } = gradient(() => {
      using y = exp(x);
      return sum(y);
    }, [x]);
    assertEquals(await read(gradients[0]), [1, Math.E]);
  }));

const softmaxOp = attentionWeightsOp({
  causal: false,
  masked: false,
  logits: "none",
  weights: "none",
  noGrad: false,
});
const seconds: Record<string, { shapes: number[][]; run: (x: Tensor[]) => Tensor }> = {
  tanh: { shapes: [[3, 4]], run: ([x]) => tanh(x!) },
  softmax: { shapes: [[3, 5]], run: ([x]) => apply(softmaxOp, [x!], { scalars: [0.7] })[0]! },
  layerNorm: {
    shapes: [[3, 5], [5], [5]],
    run: (x) => apply(layerNormOp, x, { scalars: [1e-5] })[0]!,
  },
  matmul: { shapes: [[2, 3, 4], [4, 2]], run: ([a, b]) => tanh(matmul(a!, b!)) },
};
for (const [name, { shapes, run }] of Object.entries(seconds)) {
  Deno.test(`gradient() inside gradient() of ${name} agrees with differences`, () =>
    withDevice("f64", async (device) => {
      const size = (shape: number[]) => shape.reduce((a, b) => a * b);
      const data = shapes.map((shape, i) => numbers(40 + i, size(shape)));
      // Σi ci · ∇i (Σ w f(x)), differentiated once more.
      const loss: Loss = (x) => {
        const weigh = (y: Tensor, seed: number) => sum(mul(y, randomTensor(device, seed, y.shape)));
        const { gradients } = gradient(() => weigh(run(x), 50), x);
        return gradients.map((g, i) => weigh(g!, 60 + i)).reduce(add);
      };
      await assertGradient(device, loss, data, shapes);
    }));
}

Deno.test("gradient() inside gradient() leaves alone what the outer one needs", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [2]);
    const { gradients } = gradient(() => {
      const shared = exp(x);
      const inner = gradient(() => sum(mul(shared, shared)), [shared]);
      // y = e^x; inner = 2 y; f = 2 y · y = 2 e^2x, f' = 4 e^2x.
      return sum(mul(inner.gradients[0]!, shared));
    }, [x]);
    assertClose(await read(gradients[0]), [4 * Math.exp(4)], 0, 1e-14);
  }));

Deno.test("noGrad() is the same storage, seen by no gradient", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [2, 3]);
    assertStrictEquals(noGrad(x).value.storage, x.value.storage);
    // f = Σ x · NoGrad(x), f' = NoGrad(x).
    const { gradients } = gradient(() => sum(mul(x, noGrad(x))), [x]);
    assertEquals(await read(gradients[0]), [2, 3]);
  }));

Deno.test("noGrad() stops one value, untracked() all that a function runs", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [2]);
    const marked = gradient(() => sum(mul(x, square(noGrad(x)))), [x]);
    const region = gradient(() => sum(mul(x, untracked(() => square(x)))), [x]);
    // Both d/dx (x · c) with c = x² = 4.
    assertEquals([await read(marked.gradients[0]), await read(region.gradients[0])], [[4], [4]]);
    const none = gradient(() => untracked(() => sum(square(x))), [x]);
    assertEquals(none.unused, [0]);
    // A gradient inside the region records for itself.
    const inside = untracked(() => gradient(() => sum(square(x)), [x]));
    assertEquals(await read(inside.gradients[0]), [4]);
  }));

Deno.test("gradient() names an operation without derivative, but only where it is reached", () =>
  withDevice("f64", (device) => {
    const [x, other] = [tensor(device, [1, 2]), tensor(device, [3, 4])];
    const run = (t: Tensor) => sum(mul(x, apply(opaque, [t], undefined)[0]!));
    assertThrows(
      () => gradient(() => run(x), [x]),
      GradientError,
      "Cannot record opaque as it has no derivative: use noGrad",
    );
    for (const clean of [other, noGrad(x)]) gradient(() => run(clean), [x]);
    gradient(() => sum(mul(x, untracked(() => apply(opaque, [x], undefined)[0]!))), [x]);
    run(x);
  }));

Deno.test("gradient() refuses an asynchronous function", () =>
  withDevice("f64", (device) => {
    const x = tensor(device, [1]);
    const run = (() => Promise.resolve(sum(x))) as unknown as () => Tensor;
    assertThrows(() => gradient(run, [x]), GradientError, "asynchronous function: found a promise");
  }));

Deno.test("gradient() refuses a loss of several numbers and passes errors on", () =>
  withDevice("f64", (device) => {
    const x = tensor(device, [1, 2]);
    assertThrows(
      () => gradient(() => square(x), [x]),
      GradientError,
      "loss requires one number: found shape [2]",
    );
    const number = () => 5 as unknown as Tensor;
    assertThrows(
      () => gradient(number, [x]),
      GradientError,
      "loss requires a tensor: found nothing",
    );
    const fail = () => {
      square(x);
      throw new RangeError("mine");
    };
    assertThrows(() => gradient(fail, [x]), RangeError, "mine");
    assertEquals(device.innermost?.name, "test");
  }));

Deno.test("gradient() lists the parameters that the loss does not reach", () =>
  withDevice("f64", async (device) => {
    const [a, b, c] = [1, 2, 3].map((value) => tensor(device, [value]));
    const { gradients, unused } = gradient(() => sum(mul(b!, noGrad(c!))), [a!, b!, c!]);
    assertEquals(unused, [0, 2]);
    assertEquals([gradients[0], gradients[2]], [undefined, undefined]);
    assertEquals(await read(gradients[1]), [3]);
  }));

Deno.test("gradient() is not confused by views", () =>
  withDevice("f64", async (device) => {
    const x = tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]);
    // f = Σ (x xᵀ)ij: df/dx = 2 · (column sums of x), in each row.
    const { gradients } = gradient(() => sum(matmul(x, transpose(x))), [x]);
    assertEquals(await read(gradients[0]), [10, 14, 18, 10, 14, 18]);
  }));
