// Products of which one factor has few rows, on which threads multiply by themselves.
import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { Device } from "../../../core/device.ts";
import { fusedMatmul, matmul, matmulAdd, matmulScaled } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose, assertRounded } from "../../support/op_results.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";

type Sizes = readonly [m: number, n: number, k: number];

const sizes: readonly Sizes[] = [
  [17, 8, 256],
  [8, 20, 300],
  [60, 4, 1028],
  [4, 36, 260],
  [2, 12, 2052],
  [9, 1, 400],
  [24, 16, 260],
  [16, 40, 516],
];

const two = fusedMatmul("two", 2, (product, a, b) => product.mul(a).add(b));

/** Products of every layout; numbers have the bits of bf16 where `rounds` says so. */
async function products(device: Device, [m, n, k]: Sizes, rounds: boolean): Promise<number[][]> {
  using _scope = device.scope("products");
  const make = (seed: number, rows: number, columns: number, flipped: boolean): Tensor => {
    const shape = flipped ? [columns, rows] : [rows, columns];
    const data = uniform(seedKey(seed), rows * columns).map((u) => Math.fround(u - 0.5));
    const kept = rounds ? data.map((x) => floatOf(toBfloat(x) << 16)) : data;
    const t = tensor(device, kept, shape);
    return flipped ? transpose(t) : t;
  };
  const results = [false, true].flatMap((first) =>
    [false, true].flatMap((second) => {
      const [a, b] = [make(1, m, k, first), make(2, k, n, second)];
      const extra = make(3, m, n, second);
      return [
        matmul(a, b),
        matmulScaled(a, b, 0.25),
        matmulAdd(a, b, extra),
        ...apply(two, [a, b, make(4, 1, n, false), extra], {}),
      ];
    })
  );
  const wide = make(5, m, k + 8, false);
  results.push(matmul(slice(wide, 1, 4, k + 4), make(2, k, n, false)));
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

for (const precision of ["float32", "bf16"] as const) {
  Deno.test(`products of few rows or columns in ${precision} agree with f64`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    await withInterpreted({ precision }, async (device, { texts }) => {
      for (const own of sizes) {
        const wanted = await products(oracle, own, precision === "bf16");
        const actual = await products(device, own, precision === "bf16");
        (precision === "bf16" ? assertRounded : assertClose)(actual, wanted, `${own}`);
      }
      const read = (text: string) => /narrow\/[^\n]*?\/(f32\w+,f32\w+)/.exec(text)?.[1] ?? "";
      const met = new Set(texts.map(read));
      for (const layouts of ["f32inner,f32inner", "f32inner,f32outer", "f32outer,f32outer"]) {
        assert(met.has(layouts), `${layouts} among ${[...met]}`);
      }
    });
  });
}

Deno.test("factors are rounded to bf16 where products are in bf16, and only there", async () => {
  for (const [precision, expected] of [["float32", 257], ["bf16", 256]] as const) {
    await withInterpreted({ precision }, async (device) => {
      // 1 + 2^-8 is in the middle of two numbers of bf16, of which 1 is the even one.
      const a = tensor(device, new Float64Array(4 * 256).fill(1 + 2 ** -8), [4, 256]);
      const ones = tensor(device, new Float64Array(256 * 8).fill(1), [256, 8]);
      assertEquals([...await matmul(a, ones).read()], Array(32).fill(expected));
    });
  }
});

Deno.test("narrow products in bf16 are those of rounded factors", async () => {
  // Just below half of a unit above 1: each factor is rounded to 1, and 256 of their squares would be
  // 258, which bf16 has too.
  const [k, above] = [256, 1 + 2 ** -8 - 2 ** -12];
  await withInterpreted({ precision: "bf16" }, async (device, { texts }) => {
    const of = (rows: number, columns: number) =>
      tensor(device, new Float32Array(rows * columns).fill(above), [rows, columns]);
    for (const [a, b] of [[of(64, k), of(k, 8)], [of(8, k), of(k, 64)]] as const) {
      assertEquals(new Set(await matmul(a, b).read()), new Set([k]));
    }
    assertEquals(texts.filter((text) => text.includes("/narrow/")).length, 2);
  });
});
