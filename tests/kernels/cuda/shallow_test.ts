// Products of few inner elements, which keep their floats in every precision.
import { assert } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Bound } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { scalar } from "../../../core/expr.ts";
import { fusedMatmul, matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { shallowTile } from "../../../kernels/cuda/product/shallow.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose, assertRounded } from "../../support/op_results.ts";

const both = fusedMatmul("both", 2, (product, a, b) => product.mul(scalar(0, "f32")).add(a).mul(b));

function drawn(device: Device, seed: number, shape: readonly number[], turned = false): Tensor {
  const own = turned ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
  const data = uniform(seedKey(seed), sizeOf(own)).map((u) => Math.fround(u - 0.5));
  return turned ? transpose(tensor(device, data, own)) : tensor(device, data, own);
}

/** Halves whose numbers every device has. */
function halves(device: Device, shape: readonly number[], kept: boolean): Tensor {
  const bits = Uint16Array.from({ length: sizeOf(shape) }, (_, i) => 0x3e00 + (i * 37) % 256);
  const floats = Float32Array.from(
    bits,
    (word) => new Float32Array(Uint32Array.of(word << 16).buffer)[0]!,
  );
  return kept ? tensor(device, bits, shape, "bf16") : tensor(device, floats, shape);
}

/** Products of every layout, size and number of results. */
async function products(device: Device, kept: boolean): Promise<number[][]> {
  using _scope = device.scope("products");
  const results: Tensor[] = [];
  for (const k of [1, 3, 4, 8, 16]) {
    for (const turned of [0, 1, 2, 3]) {
      const a = drawn(device, k, [16, k], (turned & 1) !== 0);
      const b = drawn(device, k + 1, [k, 260], (turned & 2) !== 0);
      const [base, bias] = [drawn(device, 7, [16, 260]), drawn(device, 8, [260])];
      results.push(matmul(a, b), matmulAdd(a, b, bias), matmulAdd(a, b, bias, base));
      results.push(...apply(both, [a, b, base, drawn(device, 9, [260])], { scalars: [0.25] }));
    }
  }
  const batched = [drawn(device, 11, [3, 8, 8]), drawn(device, 12, [3, 8, 132])] as const;
  const part = slice(drawn(device, 13, [8, 400]), 1, 4, 304);
  results.push(
    matmul(...batched),
    matmulAdd(...batched, drawn(device, 14, [8, 132])),
    matmulAdd(drawn(device, 15, [8, 2]), drawn(device, 16, [2, 300]), part),
    matmul(drawn(device, 17, [24, 8]), halves(device, [8, 256], kept)),
    matmul(drawn(device, 18, [24, 8]), transpose(halves(device, [256, 8], kept))),
    matmul(halves(device, [24, 8], kept), drawn(device, 19, [8, 256])),
  );
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

for (const precision of ["float32", "bf16"] as const) {
  Deno.test(`products of few inner elements agree with f64 in ${precision}`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await products(oracle, false);
    await withInterpreted({ precision }, async (device) => {
      const check = precision === "bf16" ? assertRounded : assertClose;
      check(await products(device, true), expected, precision);
    });
  });
}

Deno.test("products have tiles of few inner elements where all fits, and no others", () => {
  const bound = (strides: readonly number[], offset = 0): Bound => (
    { buffer: { bytes: 0 }, dtype: "f32", offset, strides }
  );
  const of = (m: number, n: number, k: number, out = bound([n, 1])) =>
    shallowTile([m, n, k], [bound([k, 1]), bound([n, 1]), out]) !== undefined;
  assert(of(8, 132, 16) && of(4096, 1024, 1));
  assert(!of(8, 132, 17) && !of(8, 128, 4) && !of(12, 256, 4) && !of(8, 258, 4));
  assert(!of(8, 256, 4, bound([256, 1], 2)) && !of(8, 256, 4, bound([1, 8])));
});
