// Backends that keep to low limits, and what the programs that they run need.
import type { Device } from "../../core/device.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { WebGpuBackend } from "../../kernels/webgpu/backend.ts";
import type { Limits } from "../../kernels/webgpu/limits.ts";
import { usualPolicy } from "../../kernels/webgpu/product/matmul_policy.ts";
import { CommandQueue } from "../../kernels/webgpu/queue/queue.ts";
import type { Results } from "./op_results.ts";

/** What programs and dispatches need at most, since they were last set to 0. */
export const needed = { invocations: 0, bytes: 0, tensors: 0, axis: 0, groups: 0 };

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
export async function leastDevice(): Promise<GPUDevice> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  return await adapter.requestDevice();
}

/** Keeps to lower limits, with a GPU's kernels or software's. */
export function lowered(
  device: GPUDevice,
  lower: Partial<Limits>,
  software = false,
): WebGpuBackend {
  return new WebGpuBackend(device, { description: "low", software }, usualPolicy, lower);
}

/** Numbers between -0.5 and 0.5. */
export const floats = (device: Device, seed: number, ...shape: number[]): Tensor =>
  tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);

/** Elements of the tensors that are made on a device. */
export async function readAll(
  make: (device: Device) => Tensor[],
  device: Device,
): Promise<Results> {
  using _scope = device.scope("results");
  return await Promise.all(make(device).map(async (y) => [...await y.read()]));
}
