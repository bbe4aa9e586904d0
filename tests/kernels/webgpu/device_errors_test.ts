import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError } from "../../../core/errors.ts";
import { decodeHalf } from "../../../core/half.ts";
import { empty, tensorFromParts } from "../../../core/memory.ts";
import { ones } from "../../../core/ops/create.ts";
import { scale } from "../../../core/ops/elementwise.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { Device } from "../../../core/device.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openGpu } from "../../../train/device/backend.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { type MatmulPolicy, usualPolicy } from "../../../kernels/webgpu/product/matmul_policy.ts";
import { FaultyDevice } from "../../support/faulty_device.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";

const facts = { description: "a card", software: true };

/** A backend over the device that all tests share, and the faults that are planned for it. */
function faulty(device: GPUDevice): { backend: WebGpuBackend; device: Device; gpu: FaultyDevice } {
  const gpu = new FaultyDevice(device);
  const backend = new WebGpuBackend(gpu.gpu, facts);
  return { backend, device: new Device(backend), gpu };
}

/** Three numbers, twice as large. */
const doubled = (device: Device) => scale(tensor(device, [1, 2, 3]), 2);

// Promised more than it grants, the device itself refuses.
webGpuTest("what an adapter refuses is told by the first read", async (_, { device: gpu }) => {
  const promised = { maxComputeWorkgroupsPerDimension: 2 ** 20, maxBufferSize: 2 ** 40 };
  const open = () => new Device(new WebGpuBackend(gpu, facts, undefined, promised));
  const refused: Readonly<Record<string, (device: Device) => Tensor>> = {
    "dispatch": (device) => {
      const [a, b] = [ones(device, [70_000, 1, 2]), ones(device, [70_000, 2, 1])];
      return matmul(a, b);
    },
    "buffer": (device) => empty(device, [2 ** 32]),
  };
  for (const [what, make] of Object.entries(refused)) {
    const device = open();
    using _scope = device.scope("refused");
    const [x, y] = [doubled(device), make(device)];
    const error = await assertRejects(() => y.read(), DeviceError);
    assertEquals([error.message.includes(what), error.message.length < 500], [true, true]);
    await assertRejects(() => x.read(), DeviceError, error.message);
  }
});

const filters: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];
const commands = [
  "createBuffer",
  "createShaderModule",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createComputePipeline",
  "createBindGroup",
  "writeBuffer",
  "submit",
];

for (const command of commands) {
  webGpuTest(
    `an error of ${command}() is told by the first read and all that follow`,
    async (_, shared) => {
      const compiles = command.endsWith("Pipeline") || command.endsWith("Module");
      for (const filter of filters.slice(0, compiles ? 3 : 2)) {
        for (const delay of [0, 20]) {
          const { device, gpu } = faulty(shared.device);
          using _scope = device.scope("faulty");
          gpu.delay = delay;
          gpu.fault = { command, filter, message: `fault of ${filter}` };
          const y = doubled(device);
          const error = await assertRejects(() => y.read(), DeviceError, `fault of ${filter}`);
          assertEquals(error.message.startsWith("Cannot trust results of WebGPU, a card"), true);
          await assertRejects(() => doubled(device).read(), DeviceError, error.message);
          assertEquals([gpu.fault, gpu.escaped], [undefined, []]);
        }
      }
    },
  );
}

const throwing = commands.filter((command) => command !== "submit");

for (const command of throwing) {
  webGpuTest(`what is made before ${command}() throws is given back`, (_, shared) => {
    const { backend, device, gpu } = faulty(shared.device);
    using _scope = device.scope("faulty");
    const before = { ...backend.statistics };
    const filter = "validation" as const;
    gpu.fault = { command, filter, message: "refused at once", throws: true };
    assertThrows(() => device.inside("work", () => doubled(device)), TypeError, "refused at once");
    const { buffers, bytes } = backend.statistics;
    assertEquals([buffers, bytes], [before.buffers, before.bytes]);
  });
}

webGpuTest(
  "memory between two dispatches is given back where the second is refused",
  (_, shared) => {
    const gpu = new FaultyDevice(shared.device);
    // Products in two chunks, whose sum is a program of its own.
    const policy: MatmulPolicy = (...of) => ({ ...usualPolicy(...of), split: 2 });
    const device = new Device(new WebGpuBackend(gpu.gpu, facts, policy));
    using _scope = device.scope("faulty");
    const [a, b] = [ones(device, [8, 64]), ones(device, [64, 8])];
    const made: number[] = [];
    for (let i = 0; i < 4; i++) {
      // The pipeline of the partial products is kept, that of their sum never comes to be.
      let compiled = 0;
      gpu.onCommand = (command) => {
        if (command === "createComputePipeline" && ++compiled === (i === 0 ? 2 : 1)) {
          throw new TypeError("refused at once");
        }
      };
      assertThrows(() => device.inside("work", () => matmul(a, b)), TypeError, "refused at once");
      made.push(gpu.given.createBuffer!);
    }
    assertEquals(made.slice(1), made.slice(1).fill(made[0]!));
  },
);

webGpuTest(
  "reads that wait at once all tell of what was submitted before them",
  async (_, shared) => {
    const { device, gpu } = faulty(shared.device);
    using _scope = device.scope("faulty");
    gpu.delay = 10;
    const [x, y] = [doubled(device), doubled(device)];
    gpu.fault = { command: "submit", filter: "out-of-memory", message: "no memory" };
    const reads = await Promise.allSettled([x.read(), y.read(), x.read()]);
    assertEquals(reads.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  },
);

webGpuTest("a read fails where the device does not answer", async (_, shared) => {
  const { device, gpu } = faulty(shared.device);
  using _scope = device.scope("faulty");
  gpu.answers = false;
  await assertRejects(() => doubled(device).read(), DeviceError, "no answer");
});

webGpuTest("a read of a lost device fails, even if numbers arrive", async (_, shared) => {
  const { device, gpu } = faulty(shared.device);
  using _scope = device.scope("faulty");
  const y = doubled(device);
  assertEquals([...await y.read()], [2, 4, 6]);
  gpu.lose({ reason: "unknown", message: "it fell off the bus" });
  const told = "Cannot go on as WebGPU, a card (software) was lost (unknown): it fell off the bus";
  await assertRejects(() => y.read(), DeviceError, told);
});

webGpuTest("a read whose memory cannot be had or mapped is a typed error", async (_, shared) => {
  for (const fail of ["createBuffer", "getMappedRange"] as const) {
    const { device, gpu } = faulty(shared.device);
    using _scope = device.scope("faulty");
    const y = doubled(device);
    const { createBuffer } = gpu.gpu;
    Object.defineProperty(shared.device, "createBuffer", {
      configurable: true,
      value(descriptor: GPUBufferDescriptor) {
        if (fail === "createBuffer") throw new RangeError("no room");
        const made = createBuffer(descriptor);
        const failing = {
          value: () => {
            throw new RangeError("no room");
          },
        };
        return Object.defineProperty(made, fail, failing);
      },
    });
    try {
      await assertRejects(() => y.read(), DeviceError, "no room");
    } finally {
      Reflect.deleteProperty(shared.device, "createBuffer");
    }
    assertEquals([...await y.read()], [2, 4, 6]);
  }
});

webGpuTest(
  "error scopes go around submissions and uploads, not around dispatches",
  async (_, shared) => {
    const { backend, device, gpu } = faulty(shared.device);
    using _scope = device.scope("counted");
    let x = doubled(device);
    const steps = async () => {
      for (let i = 0; i < 300; i++) x = scale(x, 1);
      return [...await x.read()];
    };
    await steps();
    const count = () => [gpu.given.pushErrorScope!, gpu.given.submit! + gpu.given.createBuffer!];
    const [pushed, submitted] = count();
    const { dispatches } = backend;
    assertEquals(await steps(), [2, 4, 6]);
    const [pushedNow, submittedNow] = count();
    assertEquals(backend.dispatches - dispatches, 300);
    const groups = gpu.given.createBindGroup!;
    assertEquals(pushedNow! - pushed! <= 3 * (submittedNow! - submitted! + groups), true);
  },
);

webGpuTest("A lost device ends in one error that says so", async () => {
  const backend = (await openGpu())!;
  const device = new Device(backend);
  using _scope = device.scope("lost");
  const x = tensor(device, [1, 2, 3]);
  assertEquals([...await scale(x, 2).read()], [2, 4, 6]);
  backend.device.destroy();
  const error = await assertRejects(() => scale(x, 2).read(), DeviceError);
  assertEquals(error.message.includes("was lost (destroyed)"), true);
});

webGpuTest(
  "A command that the device refuses ends in an error at the next turn's read",
  async () => {
    const backend = (await openGpu())!;
    const device = new Device(backend);
    using _scope = device.scope("refused");
    const x = tensor(device, [1, 2, 3]);
    backend.device.createShaderModule({ code: "not a shader" });
    await new Promise((resolve) => setTimeout(resolve, 0));
    const error = await assertRejects(() => scale(x, 2).read(), DeviceError);
    assertEquals(error.message.startsWith("Cannot trust results of WebGPU"), true);
  },
);

webGpuTest(
  "a tensor beyond the adapter's buffers is refused with shape and both sizes",
  async (_, shared) => {
    const limit = shared.device.limits.maxBufferSize;
    assertThrows(() => shared.allocate(limit + 4), DeviceError, `${limit + 4} bytes`);
    const device = new Device(
      new WebGpuBackend(shared.device, facts, undefined, { maxBufferSize: 5002 }),
    );
    using _scope = device.scope("refused");
    const message = "Cannot hold a tensor of 6000 bytes (shape [3,500]) as the adapter's buffers " +
      "have at most 4864 bytes";
    assertThrows(() => tensor(device, new Float32Array(1500), [3, 500]), DeviceError, message);
    assertEquals((await scale(tensor(device, new Float32Array(1200)), 1).read()).length, 1200);
  },
);

webGpuTest("halves are written and read from any of them on", async (device) => {
  const parts = [[1, 2, 3], [4], [5, 6, 7, 8], [9, 10]].map((bits) => Uint16Array.from(bits));
  const x = await tensorFromParts(device, [10], "bf16", parts);
  const expected = [...decodeHalf(Uint16Array.from({ length: 10 }, (_, i) => i + 1), "bf16")];
  assertEquals([...await x.read()], expected);
  for (const start of [1, 2, 3]) {
    assertEquals([...await slice(x, 0, start, 9).read()], expected.slice(start, 9));
  }
});
