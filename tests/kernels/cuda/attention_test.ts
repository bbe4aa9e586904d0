// Attention as one program has the results and gradients of the composed operations in f64.
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { type FusedCase, fusedResults } from "../../support/fused_attention_cases.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";

const small = [2, 2, 1, 19, 19, 8] as const;

const cases: readonly FusedCase[] = [
  { name: "all keys", space: [1, 2, 1, 33, 40, 32] },
  { name: "earlier keys alone", space: [1, 1, 1, 70, 70, 64], causal: true },
  { name: "real keys alone", space: small, mask: "keys" },
  { name: "keys that each query sees", space: small, mask: "queries and keys", causal: true },
];

for (const c of cases) {
  Deno.test(`attention as one program over ${c.name} agrees with f64`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await fusedResults(oracle, c, false);
    await withInterpreted({}, async (device) => {
      assertClose(await fusedResults(device, c, true), expected, c.name);
    });
  });
}
