// Work that is captured for a GPU: where its memory lies, what it costs, and what goes wrong.
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { CapturedWork } from "../../../core/backend.ts";
import { Captures, type Results } from "../../../core/capture.ts";
import { Device } from "../../../core/device.ts";
import { DeviceError } from "../../../core/errors.ts";
import { asStrided } from "../../../core/memory.ts";
import { add, scale } from "../../../core/ops/elementwise.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import type { Limits } from "../../../kernels/webgpu/limits.ts";
import { FaultyDevice } from "../../support/faulty_device.ts";
import { lowered } from "../../support/low_limits.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";

/** What is computed of an input. */
type Run = (x: Tensor) => Results;

const length = 128;

const numbers = (step: number) =>
  Float32Array.from(uniform(seedKey(step), length), (u) => Math.fround(u - 0.5));

/** Runs a function over other numbers in each step; gives its results, and the computed steps. */
async function course(
  device: Device,
  run: Run,
  steps: number,
  between: (device: Device, step: number) => void = () => {},
): Promise<{ readonly results: number[][]; readonly computed: number[] }> {
  const captures = new Captures();
  const results: number[][] = [];
  const computed: number[] = [];
  using _scope = device.scope("course");
  for (let step = 0; step < steps; step++) {
    between(device, step);
    using _step = device.scope("step");
    const x = tensor(device, numbers(step), [8, 16]);
    const captured = {
      signature: "",
      inputs: [x],
      key: [0, 0],
      unchanged: () => () => true,
    } as const;
    const { y } = captures.run(device, captured, () => {
      computed.push(step);
      return run(x);
    });
    results.push([...await y!.read()]);
  }
  return { results, computed };
}

/** Intermediate numbers of two sizes, which come and go. */
const several: Run = (x) => {
  const [a, b] = [scale(x, 2), scale(x, 3)];
  const products = matmul(add(a, b), asStrided(x, [16, 8], [1, 16], 0));
  return { y: add(sum(products, 1), sum(scale(b, 0.5), 1)) };
};

/** The same where nothing is captured. */
async function plain(gpu: GPUDevice, lower: Partial<Limits> = {}): Promise<number[][]> {
  const backend = lowered(gpu, lower, true);
  Object.assign(backend, { capturing: undefined });
  return (await course(new Device(backend), several, 7)).results;
}

webGpuTest("work comes again wherever its memory lies", async (_, { device: gpu }) => {
  const { results, computed } = await course(
    new Device(lowered(gpu, {}, true)),
    several,
    7,
    // Takes what the step before had, a piece more each time.
    (device, step) => {
      for (let i = 0; i < step; i++) {
        for (const size of [8, length]) tensor(device, numbers(i).subarray(0, size));
      }
    },
  );
  assertEquals([results, computed], [await plain(gpu), [0, 1, 2]]);
});

webGpuTest("work comes again through windows", async (_, { device: gpu }) => {
  const lower = { maxStorageBufferBindingSize: 256 };
  const backend = lowered(gpu, lower, true);
  const { results, computed } = await course(new Device(backend), several, 7);
  assertEquals([results, computed], [await plain(gpu, lower), [0, 1, 2]]);
  const whole = lowered(gpu, {}, true);
  await course(new Device(whole), several, 7);
  assert(backend.dispatches > whole.dispatches, "windows are bound");
});

webGpuTest("work that moves is computed where windows are bound", async (_, { device: gpu }) => {
  const device = new Device(lowered(gpu, { maxStorageBufferBindingSize: 256 }, true));
  using _scope = device.scope("moving");
  const captures = new Captures();
  const memory = tensor(device, numbers(1));
  let computed = 0;
  for (const start of [0, 8, 16, 24, 32]) {
    const part = asStrided(memory, [8], [1], start);
    const captured = {
      signature: "",
      inputs: [memory],
      moving: [part],
      key: [0, 0],
      unchanged: () => () => true,
    } as const;
    const { y } = captures.run(device, captured, () => {
      computed++;
      return { y: scale(part, 2) };
    });
    assertEquals(
      [...await y!.read()],
      [...numbers(1).subarray(start, start + 8)].map((x) => 2 * x),
    );
  }
  assertEquals(computed, 5);
});

webGpuTest("work that comes again over the same memory binds nothing anew", async (_, shared) => {
  const gpu = new FaultyDevice(shared.device);
  const device = new Device(new WebGpuBackend(gpu.gpu, shared.facts));
  const groups: number[] = [];
  const between = () => void groups.push(gpu.given["createBindGroup"] ?? 0);
  await course(device, several, 8, between);
  assertEquals(groups.slice(5), [groups[4], groups[4], groups[4]]);
  assert(groups[1]! > 0);
});

webGpuTest("of many works those that were queued last keep their bind groups", (_, shared) => {
  const gpu = new FaultyDevice(shared.device);
  const backend = new WebGpuBackend(gpu.gpu, shared.facts);
  const device = new Device(backend);
  using _scope = device.scope("works");
  const x = tensor(device, [1, 2, 3]);
  const works = Array.from({ length: 129 }, () => {
    backend.capturing.begin();
    device.inside("work", () => scale(x, 2));
    return backend.capturing.end([], [])!;
  });
  const ended = works.map((work) => {
    let count = 0;
    const end = (work as { endGroups?: () => void }).endGroups!;
    Object.assign(work, { endGroups: () => void (count++, end.call(work)) });
    return () => count;
  });
  const queue = (work: CapturedWork) => assert(work.queue([], work.scalars));
  works.slice(0, 128).forEach(queue);
  queue(works[0]!);
  assertEquals(ended.map((count) => count()).filter((count) => count > 0), []);
  queue(works[128]!);
  assertEquals(ended.slice(0, 3).map((count) => count()), [0, 1, 0]);
});

for (const command of ["submit", "createBindGroup"]) {
  for (const filter of ["out-of-memory", "validation"] as const) {
    const name = `an error of ${command}() in work that comes again is told (${filter})`;
    webGpuTest(name, async (_, shared) => {
      const gpu = new FaultyDevice(shared.device);
      const device = new Device(new WebGpuBackend(gpu.gpu, shared.facts));
      const failing = course(device, several, 7, (device, step) => {
        if (step !== 5) return;
        // Other memory than before has to be bound.
        for (const size of [8, length]) tensor(device, numbers(0).subarray(0, size));
        gpu.fault = { command, filter, message: "no such thing" };
      });
      await assertRejects(() => failing, DeviceError, "no such thing");
      assertEquals(gpu.fault, undefined);
    });
  }
}

webGpuTest("a device that is lost while work comes again is told of", async (_, shared) => {
  const gpu = new FaultyDevice(shared.device);
  const device = new Device(new WebGpuBackend(gpu.gpu, shared.facts));
  const failing = course(device, several, 7, (_, step) => {
    if (step === 5) gpu.lose({ reason: "unknown", message: "fell off" });
  });
  await assertRejects(() => failing, DeviceError, "was lost (unknown): fell off");
});
