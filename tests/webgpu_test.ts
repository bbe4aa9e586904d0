import { assert } from "@std/assert";
import { gradient } from "../core/gradient.ts";
import { mul } from "../core/ops/elementwise.ts";
import { sum } from "../core/ops/rowwise.ts";
import { seedKey, uniform } from "../core/random.ts";
import { type Device, sizeOf } from "../core/storage.ts";
import { tensor } from "../core/tensor.ts";
import { type OpRow, opTable } from "./op_table.ts";
import { webGpuTest } from "./webgpu_device.ts";
import { withDevice } from "./with_device.ts";

/** The result and every gradient of a row of the table. */
async function run(row: OpRow, device: Device): Promise<Float64Array[]> {
  using _scope = device.scope("run");
  const [low, high] = row.range ?? [-2, 2];
  const inputs = row.shapes.map((shape, i) => {
    const data = uniform(seedKey(70 + i), sizeOf(shape)).map((u) => low + u * (high - low));
    return tensor(device, data.map(Math.fround), shape);
  });
  const { result, gradients } = gradient(() => {
    const y = row.run(device, inputs);
    const weights = uniform(seedKey(3), sizeOf(y.shape)).map((u) => Math.fround(u - 0.5));
    return { loss: sum(mul(y, tensor(device, weights, y.shape))), y };
  }, inputs);
  const read = [result.y, ...gradients.map((g) => g!)];
  return await Promise.all(read.map(async (t) => Float64Array.from(await t.read())));
}

for (const row of opTable) {
  webGpuTest(`${row.name}() and its gradient on WebGPU agree with f64`, async (device) => {
    const actual = await run(row, device);
    await withDevice("f64", async (oracle) => {
      (await run(row, oracle)).forEach((expected, k) => {
        const largest = expected.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
        expected.forEach((x, i) => {
          const error = Math.abs(actual[k]![i]! - x);
          const what = k === 0 ? "result" : `gradient ${k - 1}`;
          assert(error <= 1e-6 + 1e-5 * largest, `${what}[${i}]: ${actual[k]![i]} for ${x}`);
        });
      });
    });
  });
}
