// Programs of more workgroups than an axis of a dispatch has, and of long loops.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DeviceError } from "../../../core/errors.ts";
import { arange } from "../../../core/ops/create.ts";
import { scale } from "../../../core/ops/elementwise.ts";
import { gather, scatterAdd } from "../../../core/ops/gather.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { max } from "../../../core/ops/reduce.ts";
import { sumRow } from "../../../core/ops/rowwise.ts";
import { concatenate, slice } from "../../../core/ops/slice.ts";
import { topK } from "../../../core/ops/top_k.ts";
import { flip, reshape } from "../../../core/ops/view.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { Limits } from "../../../kernels/webgpu/limits.ts";
import { grid } from "../../../kernels/webgpu/queue/launch.ts";
import { floats, lowered, needed, readAll } from "../../support/low_limits.ts";
import { assertClose } from "../../support/op_results.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("grid() holds all workgroups, wastes less than a row each way and keeps to the limit", () => {
  for (const most of [1, 2, 3, 7, 100, 65_535]) {
    for (const groups of [1, 2, 3, 6, 7, 8, 26, 27, 49, 343, 65_535, 65_536, 10 ** 6, 2 ** 33]) {
      if (groups > most ** 3) {
        assertThrows(() => grid(groups, most), DeviceError, `at most ${most} along each`);
        continue;
      }
      const [x, y, z] = grid(groups, most);
      assert(Math.max(x, y, z) <= most && x * y * z >= groups, `${groups} ${most}`);
      assert(x * y * z - groups < z * (x + y), `${groups} ${most}: ${x} ${y} ${z}`);
    }
  }
});

const words = (device: Device, count: number, below: number): Tensor =>
  tensor(device, Array.from({ length: count }, (_, i) => i * 37 % below), [count], "u32");

/** Each family of programs at sizes of a few workgroups. */
const families: Readonly<Record<string, (device: Device) => Tensor>> = {
  "elements": (device) => scale(floats(device, 1, 1499), 3),
  "a slice": (device) => scale(slice(flip(floats(device, 1, 80, 20), 0), 1, 1, 20), 3),
  "joined parts": (device) => concatenate([floats(device, 1, 700), floats(device, 2, 650)], 0),
  "short rows": (device) => sumRow(floats(device, 1, 1300, 3)),
  "long rows": (device) => sumRow(floats(device, 1, 400, 40)),
  "rows by index": (device) => gather(floats(device, 1, 50, 3), words(device, 500, 50)),
  "sums by index": (device) => scatterAdd(floats(device, 1, 90, 3), words(device, 90, 500), 500),
  "the largest": (device) => topK(floats(device, 1, 90, 320), 3),
  "a batch of products": (device) =>
    matmul(floats(device, 1, 23, 2, 3), floats(device, 2, 23, 3, 2)),
  "a batch of vectors": (device) =>
    matmul(floats(device, 1, 23, 1, 8), floats(device, 2, 23, 8, 1)),
  "two batch axes": (device) =>
    matmul(floats(device, 1, 5, 1, 9, 7), floats(device, 2, 1, 4, 7, 6)),
  "a product of many rows": (device) => matmul(floats(device, 1, 99, 3), floats(device, 2, 3, 2)),
  "a product of many columns": (device) =>
    matmul(floats(device, 1, 1, 9), floats(device, 2, 9, 700)),
  "a product both ways": (device) => matmul(floats(device, 1, 150, 5), floats(device, 2, 5, 130)),
};

for (const [name, make] of Object.entries(families)) {
  webGpuTest(`${name}: the same over three axes of workgroups`, async (_, shared) => {
    for (const software of [true, false]) {
      const run = async (lower: Partial<Limits>) => {
        needed.axis = needed.groups = 0;
        const backend = lowered(shared.device, lower, software);
        if (!software) backend.subgroups = shared.subgroups;
        return await readAll((device) => [make(device)], new Device(backend));
      };
      await run({});
      const axis = Math.ceil(Math.cbrt(needed.groups));
      assert(needed.groups > axis ** 2, `${needed.groups} workgroups do not need three axes`);
      const actual = await run({ maxComputeWorkgroupsPerDimension: axis });
      assertEquals([needed.axis, needed.groups > axis ** 2], [axis, true]);
      await withDevice("f64", async (cpu) => {
        assertClose(actual, await readAll((device) => [make(device)], cpu), name);
      });
    }
  });
}

webGpuTest("more workgroups than three axes have are refused", (_, { device }) => {
  const low = new Device(lowered(device, { maxComputeWorkgroupsPerDimension: 2 }));
  using _scope = low.scope("refused");
  const x = floats(low, 1, 64 * 8 + 1);
  assertThrows(() => scale(x, 2), DeviceError, "9 workgroups as the adapter runs at most 2");
});

const products: readonly (readonly [number[], number[]])[] = [
  [[65_536, 2, 2], [65_536, 2, 2]],
  [[70_000, 1, 2], [70_000, 2, 2]],
  [[70_000, 2, 8], [70_000, 8, 1]],
  [[40_000, 2, 3, 4], [40_000, 1, 4, 3]],
  [[300_000, 3], [3, 5]],
  [[600_000, 2], [2, 2]],
];

webGpuTest("products of more than 65,535 matrices or tiles are right", async (_, { device }) => {
  for (const shapes of products) {
    const make = async (device: Device) => {
      using _scope = device.scope("product");
      const [a, b] = shapes.map((shape) => {
        const period = shape.at(-1)! * shape.at(-2)! * 7;
        const numbers = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i % period % 5 - 2);
        return tensor(device, numbers, shape);
      });
      return await matmul(a!, b!).read();
    };
    await withDevice("f32", async (cpu) => {
      const expected = await make(cpu);
      for (const software of [true, false]) {
        const actual = await make(new Device(lowered(device, {}, software)));
        assert(actual.every((x, i) => x === expected[i]), shapes.join(" x "));
      }
    });
  }
});

webGpuTest("loops of more than 65,535 turns run to their end", async (device) => {
  const ones = (...shape: number[]) =>
    tensor(device, new Float32Array(sizeOf(shape)).fill(1), shape);
  for (const k of [262_140, 262_144, 1_000_001]) {
    assertEquals([...await matmul(ones(2, k), ones(k, 1)).read()], [k, k]);
    const bias = tensor(device, [3]);
    assertEquals([...await matmulAdd(ones(1, k), ones(k, 1), bias).read()], [k + 3]);
  }
  for (const count of [65_535, 65_536, 150_001]) {
    const rows = tensor(
      device,
      Uint32Array.from({ length: count }, (_, i) => i % 2),
      [count],
      "u32",
    );
    const sums = [...await scatterAdd(ones(count, 1), rows, 3).read()];
    assertEquals(sums, [Math.ceil(count / 2), Math.floor(count / 2), 0]);
  }
  assertEquals(await max(reshape(arange(device, 700_001), [1, 700_001]), 1).item(), 700_000);
});
