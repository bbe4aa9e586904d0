import { assertClose, resultsOf } from "../../support/op_results.ts";
import { opTable } from "../../support/op_table.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

for (const row of opTable) {
  webGpuTest(`${row.name}() and its gradient on WebGPU agree with f64`, async (device) => {
    const actual = await resultsOf(row, device);
    await withDevice("f64", async (oracle) => {
      assertClose(actual, await resultsOf(row, oracle), row.name);
    });
  });
}
