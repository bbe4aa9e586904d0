// Adapters that grant no more than they must: every operation is the same.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { DeviceError } from "../../../core/errors.ts";
import { input, old, rowSum } from "../../../core/expr.ts";
import { gradient } from "../../../core/gradient.ts";
import { add, square } from "../../../core/ops/elementwise.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { rowwise } from "../../../core/ops/rowwise.ts";
import { rowProgram } from "../../../core/program.ts";
import { Device } from "../../../core/device.ts";
import type { Tensor } from "../../../core/tensor.ts";
import { update } from "../../../core/update.ts";
import { conformance } from "../../support/conformance.ts";
import { floats, leastDevice, lowered, needed, readAll } from "../../support/low_limits.ts";
import { assertClose } from "../../support/op_results.ts";
import { openOwnWebGpu, webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const small = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 64,
  maxComputeWorkgroupSizeX: 64,
  maxComputeWorkgroupSizeY: 64,
  maxComputeWorkgroupSizeZ: 16,
  maxComputeWorkgroupStorageSize: 1024,
};

const lows = Object.entries({ "the least of limits": {}, "small programs": small });
for (const [name, lower] of lows) {
  const open = openOwnWebGpu && (async () => lowered(await leastDevice(), lower));
  conformance(`WebGPU with ${name}`, open, { sanitizeOps: false, sanitizeResources: false });
}

const x = input(0, "f32", 3);

/**
 * Rows of each number of reductions, a program over many tensors and its gradients, products that
 * share their depth.
 */
function large(device: Device): Tensor[] {
  const rows = floats(device, 1, 3, 700);
  const reduced = [2, 6, 20, 33].map((count) => {
    const sums = Array.from({ length: count }, (_, i) => rowSum(x.mul(i + 1).unary("exp").mul(x)));
    const mean = sums.reduce((a, b) => a.mul(0.5).add(b));
    return apply(rowwise("sums", ["f32"], [mean]), [rows], {})[0]!;
  });
  const parts = Array.from({ length: 12 }, (_, i) => input(i, "f32", i % 3 === 0 ? 1 : 3));
  const many = rowwise("many", parts.map(() => "f32"), [
    parts.reduce((a, b) => a.mul(0.5).add(b)),
    rowSum(parts.reduce((a, b) => a.mul(b).add(0.5))),
  ]);
  const inputs = parts.map((_, i) => floats(device, 2 + i, 5, i % 3 === 0 ? 1 : 30));
  const deep = [[3, 5], [20, 16], [16, 40], [70, 90]].map(([m, n]) =>
    matmul(floats(device, 1, m!, 300), floats(device, 2, 300, n!))
  );
  const { result, gradients } = gradient(() => {
    const [one, two] = apply(many, inputs, {}) as [Tensor, Tensor];
    return { loss: add(sum(square(one)), sum(square(two))), one, two };
  }, inputs);
  return [...reduced, result.one, result.two, ...gradients.map((g) => g!), ...deep];
}

for (const [name, lower] of lows) {
  webGpuTest(`programs keep to ${name}, and are the same`, async () => {
    needed.invocations = needed.bytes = needed.tensors = 0;
    const backend = lowered(await leastDevice(), lower);
    const actual = await readAll(large, new Device(backend));
    await withDevice("f64", async (cpu) => assertClose(actual, await readAll(large, cpu), name));
    const { limits } = backend;
    const { invocations, bytes, tensors } = needed;
    assertEquals(tensors, 8);
    assert(invocations > 0 && invocations <= limits.maxComputeInvocationsPerWorkgroup);
    assert(bytes > 0 && bytes <= limits.maxComputeWorkgroupStorageSize, `${bytes}`);
    await backend[Symbol.asyncDispose]();
  });
}

webGpuTest("an update in place over more tensors than can be bound is refused", async () => {
  const backend = lowered(await leastDevice(), {});
  const device = new Device(backend);
  {
    using _scope = device.scope("refused");
    const slots = Array.from({ length: 8 }, (_, i) => input(i, "f32", 3));
    const sum = slots.reduce((a, b) => a.add(b), old(0));
    const [out, ...inputs] = Array.from({ length: 9 }, (_, i) => floats(device, i, 4));
    assertThrows(
      () => update(rowProgram(slots.map(() => "f32"), [sum]), [out!], inputs),
      DeviceError,
      "Cannot run a program over 9 tensors at once as the adapter binds at most 8",
    );
    assertEquals((await out!.read()).length, 4);
  }
  await backend[Symbol.asyncDispose]();
});
