// Adapters that grant little: every operation is the same, or is refused with the limit's number.
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
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import type { Limits } from "../../../kernels/webgpu/limits.ts";
import { usualPolicy } from "../../../kernels/webgpu/product/matmul_policy.ts";
import { grid } from "../../../kernels/webgpu/queue/launch.ts";
import { CommandQueue } from "../../../kernels/webgpu/queue/queue.ts";
import { conformance } from "../../support/conformance.ts";
import { assertClose, type Results } from "../../support/op_results.ts";
import { openOwnWebGpu, webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** What the programs and dispatches of this file need at most, since it was last emptied. */
const needed = { invocations: 0, bytes: 0, tensors: 0, axis: 0, groups: 0 };

const { compile, dispatch } = CommandQueue.prototype;
CommandQueue.prototype.compile = function (key, render) {
  return compile.call(this, key, () => {
    const shader = render();
    const product = (text: string) => [...text.matchAll(/\d+/g)].reduce((all, [n]) => all * +n, 1);
    const [, size] = /@workgroup_size\((.*?)\)/.exec(shader.code)!;
    const memory = [...shader.code.matchAll(/var<workgroup> \w+: (.*);/g)].map(([, type]) =>
      4 * product(type!.replaceAll(/(vec)?(\d*)<f32>?/g, "$2 ").replaceAll("f32", ""))
    );
    needed.invocations = Math.max(needed.invocations, product(size!));
    needed.bytes = Math.max(needed.bytes, memory.reduce((all, bytes) => all + bytes, 0));
    needed.tensors = Math.max(needed.tensors, shader.bound.length);
    return shader;
  });
};
CommandQueue.prototype.dispatch = function (launch, ...rest) {
  needed.axis = Math.max(needed.axis, ...launch.groups);
  needed.groups = Math.max(needed.groups, launch.groups.reduce((all, n) => all * n));
  return dispatch.call(this, launch, ...rest);
};

/** A device that grants no more than all adapters do. */
async function leastDevice(): Promise<GPUDevice> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  return await adapter.requestDevice();
}

/** Keeps to lower limits, with a GPU's kernels or software's. */
function lowered(device: GPUDevice, lower: Partial<Limits>, software = false): WebGpuBackend {
  return new WebGpuBackend(device, { description: "low", software }, usualPolicy, lower);
}

const small = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 64,
  maxComputeWorkgroupSizeX: 64,
  maxComputeWorkgroupSizeY: 64,
  maxComputeWorkgroupSizeZ: 16,
  maxComputeWorkgroupStorageSize: 1024,
};

for (
  const [name, lower] of Object.entries({ "the least of limits": {}, "small programs": small })
) {
  const open = openOwnWebGpu && (async () => {
    needed.invocations = needed.bytes = needed.tensors = 0;
    return lowered(await leastDevice(), lower);
  });
  conformance(`WebGPU with ${name}`, open, { sanitizeOps: false, sanitizeResources: false });
}

webGpuTest("the programs that ran last kept to what is granted, and came near it", () => {
  assertEquals([needed.invocations, needed.bytes, needed.tensors], [64, 1024, 8]);
});

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

const floats = (device: Device, seed: number, ...shape: number[]): Tensor =>
  tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);
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

async function resultOf(make: (device: Device) => Tensor, device: Device): Promise<Results> {
  using _scope = device.scope("result");
  return [[...await make(device).read()]];
}

for (const [name, make] of Object.entries(families)) {
  webGpuTest(`${name}: the same over three axes of workgroups`, async (_, shared) => {
    for (const software of [true, false]) {
      const run = async (lower: Partial<Limits>) => {
        needed.axis = needed.groups = 0;
        const backend = lowered(shared.device, lower, software);
        if (!software) backend.subgroups = shared.subgroups;
        return await resultOf(make, new Device(backend));
      };
      await run({});
      const axis = Math.ceil(Math.cbrt(needed.groups));
      assert(needed.groups > axis ** 2, `${needed.groups} workgroups do not need three axes`);
      const actual = await run({ maxComputeWorkgroupsPerDimension: axis });
      assertEquals([needed.axis, needed.groups > axis ** 2], [axis, true]);
      await withDevice("f64", async (cpu) => assertClose(actual, await resultOf(make, cpu), name));
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
  for (const software of [true, false]) {
    const gpu = new Device(lowered(device, {}, software));
    for (const shapes of products) {
      const make = (device: Device) => {
        const [a, b] = shapes.map((shape) => {
          const period = shape.at(-1)! * shape.at(-2)! * 7;
          const numbers = Float32Array.from(
            { length: sizeOf(shape) },
            (_, i) => i % period % 5 - 2,
          );
          return tensor(device, numbers, shape);
        });
        return matmul(a!, b!);
      };
      const [actual] = await resultOf(make, gpu);
      await withDevice("f32", async (cpu) => {
        const [expected] = await resultOf(make, cpu);
        assert(actual!.every((x, i) => x === expected![i]), `${shapes.join(" x ")}`);
      });
    }
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
