import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { type Method, methods } from "../../../nn/dropout/methods.ts";
import { trainTiny } from "../../support/tiny_training.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/** Losses of some steps of a tiny BERT; `after` looks at the device between steps. */
async function losses(
  device: Device,
  method: Method,
  steps: number,
  after?: (step: number) => void,
): Promise<number[]> {
  return (await trainTiny(device, "bert", steps, after, method)).losses;
}

for (const method of methods) {
  webGpuTest(`20 steps of ${method} have the CPU's losses`, async (device) => {
    const actual = await losses(device, method, 20);
    await withDevice("f32", async (cpu) => {
      const expected = await losses(cpu, method, 20);
      expected.forEach((x, i) =>
        assert(Math.abs(x - actual[i]!) < 1e-3, `step ${i}: ${actual[i]}`)
      );
    });
  });
}

webGpuTest("200 steps leave the number and the bytes of buffers as they were", async (device) => {
  const { statistics } = device.backend;
  let [buffers, bytes] = [0, 0];
  await losses(device, "hiddenkey", 200, (step) => {
    if (step === 1) [buffers, bytes] = [statistics.buffers, statistics.bytes];
    else if (step > 1) assertEquals([statistics.buffers, statistics.bytes], [buffers, bytes]);
  });
});
