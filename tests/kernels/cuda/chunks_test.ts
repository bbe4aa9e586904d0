// Products whose inner axis is divided: few parts are added by fours of columns, many along a row.
import { assert } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { Device } from "../../../core/device.ts";
import { fusedMatmul, matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import type { ProductPolicy } from "../../../kernels/cuda/product/product_policy.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";

const two = fusedMatmul("two", 2, (product, a, b) => product.mul(a).add(b));

/** Products of some columns, in a batch or not, whose extras lie in either order. */
async function products(device: Device, columns: number): Promise<number[][]> {
  using _scope = device.scope("products");
  const make = (seed: number, ...shape: number[]) =>
    tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);
  const [a, b] = [make(1, 24, 160), make(2, 160, columns)];
  const results = [
    matmul(a, b),
    matmulAdd(a, b, make(3, columns), make(4, 24, columns)),
    ...apply(two, [a, b, transpose(make(5, columns, 24)), make(6, 24, 1)], {}),
    matmul(make(7, 3, 24, 160), make(8, 3, 160, columns)),
  ];
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

for (const [split, text] of [[2, /map.*1,1,1/], [4, /map.*1,1,1,1,1/], [5, /serial/]] as const) {
  Deno.test(`parts of ${split} chunks are added with the epilogue`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const policy: ProductPolicy = () => {
      return { tile: { m: 32, n: 32, k: 32, warps: [2, 1], stages: 2 }, split };
    };
    await withInterpreted({ policy }, async (device, { texts }) => {
      for (const columns of [20, 19]) {
        assertClose(await products(device, columns), await products(oracle, columns), `${columns}`);
      }
      const heads = texts.map((each) => each.slice(0, each.indexOf("\n")));
      assert(heads.some((head) => head.startsWith("// row") && text.test(head)), heads.join("\n"));
    });
  });
}
