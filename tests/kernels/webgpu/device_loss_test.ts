import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError } from "../../../core/errors.ts";
import { scale } from "../../../core/ops/elementwise.ts";
import { Device } from "../../../core/device.ts";
import { tensor } from "../../../core/tensor.ts";
import { openGpu } from "../../../train/device/backend.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";

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
    assertEquals(error.message.startsWith("Cannot trust results as the device reported"), true);
  },
);

webGpuTest("A tensor beyond the adapter's buffers is refused with both sizes", async () => {
  const backend = (await openGpu())!;
  const limit = backend.device.limits.maxBufferSize;
  assertThrows(() => backend.allocate(limit + 4), DeviceError, `${limit + 4} bytes`);
  await backend[Symbol.asyncDispose]();
});
