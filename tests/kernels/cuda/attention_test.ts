// Attention as one program has the results and gradients of the composed operations in f64.
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { fusedCases, fusedResults } from "../../support/fused_attention_cases.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";

for (const c of fusedCases) {
  Deno.test(`attention as one program over ${c.name} agrees with f64`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await fusedResults(oracle, c, false);
    await withInterpreted({}, async (device) => {
      assertClose(await fusedResults(device, c, true), expected, c.name);
    });
  });
}
