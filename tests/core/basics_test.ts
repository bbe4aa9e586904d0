import { assertEquals, assertThrows } from "@std/assert";
import { OptionError, ShapeError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { greaterEqual, less, notEqual, where } from "../../core/ops/compare.ts";
import { arange, randomBernoulli, randomUniform } from "../../core/ops/create.ts";
import { add, clip, minimum, mul, sub } from "../../core/ops/elementwise.ts";
import { pow } from "../../core/ops/power.ts";
import { argmax, max, mean, min, sum } from "../../core/ops/reduce.ts";
import { split, stack } from "../../core/ops/slice.ts";
import { softmax } from "../../core/ops/softmax.ts";
import { expandDims, squeeze } from "../../core/ops/view.ts";
import { seedKey } from "../../core/random.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { webGpuTest } from "../support/webgpu_device.ts";
import { withDevice } from "../support/with_device.ts";

const numbers = async (x: Tensor): Promise<number[]> => [...await x.read()];

Deno.test("sum() and mean() take one axis, several or all, and keep them on demand", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("reduce");
    const x = tensor(device, [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]);
    assertEquals(await numbers(sum(x, 0)), [6, 8, 10, 12]);
    assertEquals(await numbers(sum(x, [0, -1])), [14, 22]);
    assertEquals(sum(x, [0, 2], { keepDims: true }).shape, [1, 2, 1]);
    assertEquals(await numbers(mean(x, 1)), [2, 3, 6, 7]);
    assertEquals(await mean(x).item(), 4.5);
    assertThrows(() => sum(x, 3), ShapeError, "sum");
    assertThrows(() => sum(x, [0, -3]), ShapeError, "each must occur once");
  }));

Deno.test("of equal largest elements argmax() names the first, and it alone has the gradient", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("ties");
    const x = tensor(device, [[1, 3, 3], [-2, -2, -5]]);
    assertEquals(await numbers(argmax(x, 1)), [1, 0]);
    assertEquals(await numbers(max(x, 1)), [3, -2]);
    assertEquals(await numbers(min(x, 0)), [-2, -2, -5]);
    const { gradients } = gradient(() => sum(max(x, 1)), [x]);
    assertEquals(await numbers(gradients[0]!), [0, 1, 0, 1, 0, 0]);
  }));

Deno.test("max() and min() of infinities and of what is no number are as IEEE has them", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("special");
    const x = tensor(device, [[Infinity, 1], [-Infinity, 1], [NaN, 1]]);
    assertEquals(await numbers(max(x, 1)), [Infinity, 1, NaN]);
    assertEquals(await numbers(min(x, 1)), [1, -Infinity, NaN]);
  }));

Deno.test("numbers stand for tensors, on either side", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("numbers");
    const x = tensor(device, [1, -2, 3]);
    assertEquals(await numbers(add(x, 1)), [2, -1, 4]);
    assertEquals(await numbers(sub(1, x)), [0, 3, -2]);
    assertEquals(await numbers(minimum(x, 0)), [0, -2, 0]);
    assertEquals(await numbers(clip(x, -1, 2)), [1, -1, 2]);
    assertEquals(await numbers(pow(x, 2)), [1, 4, 9]);
    const { gradients } = gradient(() => sum(mul(2, x)), [x]);
    assertEquals(await numbers(gradients[0]!), [2, 2, 2]);
  }));

Deno.test("pow() of a negative base is right for whole exponents, and no number for others", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("pow");
    const x = tensor(device, [-2, -3]);
    assertEquals((await numbers(pow(x, 3))).map(Math.round), [-8, -27]);
    assertEquals(await numbers(pow(x, 0)), [1, 1]);
    assertEquals(await numbers(pow(x, 0.5)), [NaN, NaN]);
  }));

Deno.test("comparisons are masks that where() takes", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("compare");
    const x = tensor(device, [1, 2, 3]);
    const mask = less(x, 2.5);
    assertEquals(mask.dtype, "u32");
    assertEquals(await numbers(mask), [1, 1, 0]);
    assertEquals(await numbers(notEqual(x, tensor(device, [1, 0, 3]))), [0, 1, 0]);
    assertEquals(await numbers(where(greaterEqual(x, 2), x, 0)), [0, 2, 3]);
    const { gradients } = gradient(() => sum(where(mask, mul(x, 5), x)), [x]);
    assertEquals(await numbers(gradients[0]!), [5, 5, 1]);
  }));

Deno.test("arange() counts as numpy's does, and refuses a step that never arrives", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("arange");
    assertEquals(await numbers(arange(device, 3)), [0, 1, 2]);
    assertEquals(await numbers(arange(device, 1, 2, 0.25)), [1, 1.25, 1.5, 1.75]);
    assertEquals(await numbers(arange(device, 3, 0, -2)), [3, 1]);
    assertEquals(arange(device, 3, 0).shape, [0]);
    assertThrows(() => arange(device, 0, 1, 0), OptionError, "a step other than 0");
  }));

Deno.test("stack(), split(), squeeze() and expandDims() are inverse to one another", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("shapes");
    const parts = [tensor(device, [1, 2]), tensor(device, [3, 4])];
    const stacked = stack(parts, 1);
    assertEquals([stacked.shape, await numbers(stacked)], [[2, 2], [1, 3, 2, 4]]);
    const [first, second] = split(stacked, 1, 2).map((part) => squeeze(part, 1));
    assertEquals(await numbers(first!), [1, 2]);
    assertEquals(await numbers(second!), [3, 4]);
    assertEquals(expandDims(first!, -1).shape, [2, 1]);
    assertThrows(() => squeeze(stacked, 0), ShapeError, "squeeze");
    assertThrows(() => split(stacked, 0, 3), ShapeError, "split");
  }));

Deno.test("softmax() over an axis sums to one there", () =>
  withDevice("f64", async (device) => {
    using _scope = device.scope("softmax");
    const y = softmax(tensor(device, [[0, 1], [Math.log(3), 1]]), 0);
    const rounded = (await numbers(y)).map((p) => Math.round(p * 1e12) / 1e12);
    assertEquals(rounded, [0.25, 0.5, 0.75, 0.5]);
  }));

webGpuTest("random numbers of a key are the same on WebGPU and on the CPU", async (gpu) => {
  await withDevice("f32", async (cpu) => {
    const key = seedKey(3);
    const drawn = await Promise.all([gpu, cpu].map(async (device) => {
      using _scope = device.scope("random");
      return [
        await numbers(randomUniform(device, key, [5], [-1, 1])),
        await numbers(randomBernoulli(device, key, [40], 0.3)),
      ];
    }));
    assertEquals(drawn[0], drawn[1]);
  });
});
