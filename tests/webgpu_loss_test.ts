import { assertEquals, assertRejects } from "@std/assert";
import { DeviceError } from "../core/errors.ts";
import { scale } from "../core/ops/elementwise.ts";
import { Device } from "../core/storage.ts";
import { tensor } from "../core/tensor.ts";
import { openGpu } from "../train/backend.ts";
import { webGpuTest } from "./webgpu_device.ts";

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
