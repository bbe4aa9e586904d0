// Attention as one program has the results and gradients of the composed operations in f64.
import { Device } from "../../../core/device.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { type FusedCase, fusedResults } from "../../support/fused_attention_cases.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";

const small = [2, 2, 1, 19, 19, 8] as const;
const grouped = [2, 2, 2, 37, 37, 16] as const;

const cases: readonly FusedCase[] = [
  { name: "all keys", space: [1, 2, 1, 33, 40, 32] },
  { name: "earlier keys alone", space: [1, 1, 1, 70, 70, 64], causal: true },
  { name: "more keys than queries", space: [1, 1, 2, 5, 80, 96], causal: true },
  { name: "more queries than keys", space: [1, 1, 1, 80, 40, 128], causal: true },
  { name: "real keys alone", space: small, mask: "keys" },
  { name: "keys that each query sees", space: small, mask: "queries and keys", causal: true },
  { name: "keys of a group", space: grouped, causal: true, mask: "keys" },
  { name: "large scores", space: small, causal: true, large: 400 },
  { name: "keys left by column", space: grouped, logits: { structure: "column", perHead: true } },
  {
    name: "keys left by column for all heads",
    space: grouped,
    mask: "keys",
    logits: { structure: "column", perHead: false },
  },
  { name: "scores left", space: grouped, causal: true, logits: { structure: "element" } },
  { name: "keys outside of a span", space: grouped, causal: true, logits: { structure: "span" } },
  { name: "scores of which few are left", space: small, causal: true, logits: { rate: 0.9 } },
  {
    name: "weights left, their sum hidden from the gradient",
    space: grouped,
    causal: true,
    weights: { structure: "element" },
  },
  {
    name: "weights left, their sum hidden from the gradient, of which few are left",
    space: small,
    causal: true,
    weights: { structure: "column", rate: 0.9 },
  },
  { name: "weights left", space: grouped, mask: "keys", weights: { nograd: false } },
  { name: "weights outside of a span", space: small, weights: { structure: "span" } },
  { name: "weights left, multiplied", space: grouped, causal: true, weights: { rescale: true } },
  { name: "weights left as they are", space: small, weights: { rescale: false, rate: 0.9 } },
  {
    name: "scores and weights left",
    space: grouped,
    mask: "queries and keys",
    causal: true,
    logits: { structure: "element", rate: 0.5 },
    weights: { structure: "column", rate: 0.5 },
  },
  {
    name: "scores and weights of which few are left",
    space: small,
    causal: true,
    mask: "keys",
    logits: { structure: "column", rate: 0.8 },
    weights: { structure: "element", rate: 0.8, nograd: false },
  },
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
