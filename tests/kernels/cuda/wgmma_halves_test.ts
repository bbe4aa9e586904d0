// Products of bf16 by warp groups, whose factors tensor units read from shared memory.
import { assert } from "@std/assert";
import { Device } from "../../../core/device.ts";
import { decodeHalf } from "../../../core/half.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { type ProductSizes, usualProducts } from "../../../kernels/cuda/product/product_policy.ts";
import type { BlockTile } from "../../../kernels/cuda/product/product_shape.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";
import { toBfloat } from "../../support/ptx/arithmetic.ts";

const tileOf = (m: number, n: number, stages: number): BlockTile => (
  { m, n, k: 64, warps: [m / 16, 1], stages, grouped: true }
);
const policyOf = (tile: BlockTile, split: number) => (sizes: ProductSizes) =>
  sizes.grouped ? { tile, split } : usualProducts(sizes);

/** Sizes that do not fit, all of them such that eight can be read at a time. */
const sizes: readonly (readonly [batch: readonly number[], m: number, n: number, k: number])[] = [
  [[], 136, 264, 136],
  [[], 64, 128, 64],
  [[], 8, 16, 40],
  [[3], 72, 64, 320],
];

/** Products of numbers that bf16 holds, as bf16 or, for the oracle, as they are. */
async function products(device: Device, half: boolean): Promise<number[][]> {
  using _scope = device.scope("products");
  const results: Tensor[] = [];
  const made = (seed: number, shape: readonly number[]) => {
    const bits = Uint16Array.from(uniform(seedKey(seed), sizeOf(shape)), (u) => toBfloat(u - 0.5));
    return half
      ? tensor(device, bits, shape, "bf16")
      : tensor(device, decodeHalf(bits, "bf16"), shape);
  };
  for (const [batch, m, n, k] of sizes) {
    const make = (seed: number, ...shape: number[]) => made(seed, [...batch, ...shape]);
    const bias = tensor(device, uniform(seedKey(4), n).map(Math.fround));
    for (const a of [make(1, m, k), transpose(make(1, k, m))]) {
      for (const b of [make(2, k, n), transpose(make(2, n, k))]) {
        const rows = a.shape.length - 2;
        results.push(matmul(a, b), matmulAdd(a, b, bias, matmul(flip(a, rows), b)));
      }
    }
  }
  const wide = made(6, [96, 200]);
  results.push(matmul(slice(wide, 1, 8, 104), transpose(slice(wide, 1, 104, 200))));
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

const expected = await (async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  return await products(oracle, false);
})();

const cases: readonly (readonly [BlockTile, split: number])[] = [
  [tileOf(128, 256, 4), 1],
  [tileOf(128, 128, 3), 2],
  [tileOf(64, 64, 6), 1],
];

for (const [tile, split] of cases) {
  const name = `${tile.m} x ${tile.n}, ${tile.stages} stages, ${split} chunks`;
  Deno.test(`products of bf16 by warp groups agree with f64: ${name}`, async () => {
    await withInterpreted({ policy: policyOf(tile, split) }, async (device, { texts }) => {
      assertClose(await products(device, true), expected, name);
      assert(texts.some((text) => text.includes("wgmma.mma_async")));
    });
  });
}

Deno.test("results that are stored in bf16 are those of f64, rounded", async () => {
  const policy = policyOf(tileOf(128, 64, 4), 1);
  await withInterpreted({ policy, precision: "bf16" }, async (device, { texts }) => {
    (await products(device, true)).forEach((result, i) => {
      // What is added to every second product was stored in bf16 too.
      const stored = i % 2 === 0 ? 1e-5 : 2 ** -6;
      result.forEach((value, j) => {
        const wanted = expected[i]![j]!;
        const most = 2 ** -8 * Math.abs(wanted) + stored;
        assert(Math.abs(value - wanted) <= most, `${i}[${j}]: ${value} for ${wanted}`);
      });
    });
    assert(texts.some((text) => text.includes("wgmma.mma_async")));
  });
});
