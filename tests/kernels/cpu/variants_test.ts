import { assert, assertEquals } from "@std/assert";
import { gradient } from "../../../core/gradient.ts";
import { mul } from "../../../core/ops/elementwise.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { permute, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import type { TypedArray } from "../../../core/dtype.ts";
import { scalarOperations } from "../../../core/operations.ts";
import { type CpuOptions, openCpu } from "../../../kernels/cpu/backend.ts";
import { Routine } from "../../../kernels/cpu/wasm/assembler/assembler.ts";
import { laneOperations } from "../../../kernels/cpu/wasm/assembler/scalar_functions.ts";
import { cpuTest, cpuVariants } from "../../support/cpu_variants.ts";
import { openDevice } from "../../../train/device/backend.ts";
import { assertClose, assertSame, type Results } from "../../support/op_results.ts";

interface Product {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Whether A, B or the addend lie transposed in memory. */
  readonly flipped: readonly [boolean, boolean, boolean];
  /** The bare product, a sum with a row, or a scaled sum with a matrix. */
  readonly kind: "bare" | "bias" | "extra";
}

/** Edges of tiles and blocks, skinny sides, batches, all layouts. */
function randomProducts(count: number): Product[] {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 65, 100, 121];
  const u = uniform(seedKey(5), count * 8);
  return Array.from({ length: count }, (_, i): Product => {
    const at = (j: number) => u[i * 8 + j]!;
    const size = (j: number) => sizes[Math.floor(at(j) * sizes.length)]!;
    const [deep, thin] = [at(6) < 0.03, at(6) > 0.94];
    return {
      batch: at(7) < 0.6 ? [] : at(7) < 0.8 ? [3] : [2, 2],
      m: thin ? 1 + size(0) % 4 : size(0),
      n: thin ? 900 + size(1) : size(1),
      k: deep ? 700 + size(2) : size(2),
      flipped: [at(3) < 0.5, at(4) < 0.5, at(5) < 0.5],
      kind: (["bare", "bias", "extra"] as const)[i % 3]!,
    };
  });
}

async function run(device: Device, { batch, m, n, k, flipped, kind }: Product): Promise<Results> {
  using _scope = device.scope("product");
  const make = (rows: number, columns: number, slot: 0 | 1 | 2): Tensor => {
    const shape = [...batch, ...(flipped[slot] ? [columns, rows] : [rows, columns])];
    const data = uniform(seedKey(slot), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
    const t = tensor(device, data, shape);
    return flipped[slot] ? transpose(t) : t;
  };
  const [a, b] = [make(m, k, 0), make(k, n, 1)];
  const bias = () => tensor(device, uniform(seedKey(4), n).map(Math.fround));
  const result = kind === "bare"
    ? matmul(a, b)
    : kind === "bias"
    ? matmulAdd(a, b, bias())
    : matmulAdd(a, b, bias(), make(m, n, 2));
  return [[...await result.read()]];
}

const shapes = randomProducts(600);
const expected: Results[] = [];

cpuTest(
  (variant) => `products of 600 random shapes, layouts and epilogues agree with f64 by ${variant}`,
  async (device) => {
    if (expected.length === 0) {
      await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
      for (const shape of shapes) expected.push(await run(oracle, shape));
    }
    for (const [i, shape] of shapes.entries()) {
      assertClose(await run(device, shape), expected[i]!, JSON.stringify(shape));
    }
  },
);

Deno.test("laneOperations() has every scalar operation", () => {
  const lanes = Object.keys(laneOperations(new Routine(2), true));
  // These depend on the kind of their operands, or on a constant: the row renderer has them.
  const rendered = ["lt", "le", "eq", "wordShift"];
  assertEquals([...lanes, ...rendered].sort(), [...scalarOperations].sort());
});

/** Products that threads part by rows, by columns, or each as a whole, and their gradients. */
async function resultsWith(options: CpuOptions): Promise<Record<string, TypedArray>> {
  await using device = new Device(openCpu(options));
  using _scope = device.scope("threads");
  const random = (seed: number, shape: number[]) =>
    tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => u - 0.5), shape);
  const [a, b] = [random(1, [257, 301]), random(2, [301, 263])];
  const batch = permute(random(3, [6, 70, 40]), [0, 2, 1]);
  const row = random(6, [1, 1200]);
  const { result, gradients } = gradient(() => {
    const y = matmul(a, b);
    return { loss: sum(mul(y, y)) };
  }, [a, b]);
  const results: Record<string, Tensor> = {
    loss: result.loss,
    "gradient of a": gradients[0]!,
    "gradient of b": gradients[1]!,
    batch: matmul(batch, transpose(batch)),
    "129 x 130 x 131": matmul(random(4, [129, 131]), random(5, [131, 130])),
    "256 x 384 x 384": matmul(random(9, [256, 384]), random(10, [384, 384])),
    "193 x 500 x 700": matmul(transpose(random(11, [700, 193])), random(12, [700, 500])),
    "24 x 1500 x 340": matmul(random(13, [24, 340]), transpose(random(14, [1500, 340]))),
    "a row by 1008 columns": matmul(row, random(7, [1200, 1008])),
    "a row by 1001 columns": matmul(row, random(8, [1200, 1001])),
  };
  const read = Object.entries(results).map(async ([name, t]) => [name, await t.read()] as const);
  return Object.fromEntries(await Promise.all(read));
}

for (const name of ["relaxed SIMD", "a BLAS (needs one, and --allow-ffi)"]) {
  const options = cpuVariants[name];
  Deno.test({
    name: `results do not depend on the number of threads, to the bit, by ${name}`,
    ignore: options === undefined,
    async fn() {
      const one = await resultsWith(options!);
      for (const threads of [2, 5]) {
        const found = await resultsWith({ ...options, threads });
        for (const [product, expected] of Object.entries(one)) {
          assertSame(found[product]!, expected, `${product} on ${threads} threads`);
        }
      }
    },
  });
}

/** 40 x 40 sums of 700 products, all positive. */
async function sumsBy(options: CpuOptions, float: "f32" | "f64" = "f32"): Promise<number[]> {
  await using device = new Device(openCpu(options), float);
  using _scope = device.scope("sums");
  const side = (seed: number) => uniform(seedKey(seed), 40 * 700).map(Math.fround);
  return [
    ...await matmul(tensor(device, side(1), [40, 700]), tensor(device, side(2), [700, 40]))
      .read(),
  ];
}

Deno.test("kernels that round each product apart are no less exact, as they round fewer sums", async () => {
  const exact = await sumsBy({ kernels: "javascript" }, "f64");
  const error = async (kernels: "simd" | "relaxed") => {
    const found = await sumsBy({ kernels });
    return Math.sqrt(found.reduce((sum, x, i) => sum + (x - exact[i]!) ** 2, 0) / found.length);
  };
  const [apart, once] = [await error("simd"), await error("relaxed")];
  assert(apart < 0.85 * once, `${apart} beside ${once}`);
});

Deno.test({
  name: "kernels for one result everywhere take no BLAS that is not named (needs a BLAS, and " +
    "--allow-ffi)",
  ignore: cpuVariants["a BLAS (needs one, and --allow-ffi)"] === undefined,
  async fn() {
    const choice = { backend: "cpu", dtype: "f32", threads: 1 } as const;
    for (const kernels of ["simd", "auto"] as const) {
      const { device, reason } = await openDevice({ ...choice, kernels });
      await using _device = device;
      assertEquals(reason.includes("products by"), kernels === "auto");
    }
  },
});
