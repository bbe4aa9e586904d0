// Matrices of 16 bits as factors of products and in rows: the same numbers as in 32.
import { assert, assertEquals } from "@std/assert";
import type { Half } from "../../../core/dtype.ts";
import { decodeHalf } from "../../../core/half.ts";
import { add } from "../../../core/ops/elementwise.ts";
import { gather } from "../../../core/ops/gather.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { contiguous, flip, transpose } from "../../../core/ops/view.ts";
import { seedKey, threefry, uniform } from "../../../core/random.ts";
import type { Device } from "../../../core/device.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { type ProductPolicy, usualProducts } from "../../../kernels/cuda/product/product_policy.ts";
import { precisions } from "../../../kernels/cuda/product/product_shape.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { halfToFloat } from "../../support/ptx/arithmetic.ts";

/** Bits of numbers up to about 2, subnormal ones among them. */
function bitsOf(count: number): Uint16Array {
  return Uint16Array.from({ length: count }, (_, i) => {
    const [a, b] = threefry([5, 6], i, 0);
    return i % 7 === 0 ? (a & 0x83ff) : (a & 0x8000) | b % 0x4000;
  });
}

function numbers(device: Device, rows: number, columns: number): Tensor {
  const data = uniform(seedKey(rows), rows * columns).map((u) => Math.fround(u - 0.5));
  return tensor(device, data, [rows, columns]);
}

/** What is computed of a matrix of halves. */
function ways(
  device: Device,
  height: number,
  width: number,
): Record<string, (t: Tensor) => Tensor> {
  const ids = tensor(device, [3, 0, height - 1, 3], [4], "u32");
  const own = {
    left: numbers(device, width, 9),
    right: numbers(device, 70, height),
    wide: numbers(device, 70, width),
  };
  return {
    "read back": (t) => t,
    "rows": (t) => gather(t, ids),
    "rows from the last one up": (t) => gather(flip(t, 0), ids),
    "columns as rows, backwards": (t) => gather(flip(transpose(t), 1), ids),
    "a sum": (t) => add(numbers(device, height, width), t),
    "a copy": (t) => contiguous(transpose(t)),
    "the left": (t) => matmul(t, own.left),
    "the left, transposed": (t) => matmul(transpose(t), numbers(device, height, 17)),
    "the right": (t) => matmul(own.right, t),
    "the right, transposed": (t) => matmul(numbers(device, 33, width), transpose(t)),
    "both": (t) => matmul(t, transpose(t)),
    "both, turned": (t) => matmul(transpose(t), t),
    "few rows on the left": (t) => matmul(slice(t, 0, 0, 8), numbers(device, width, 70)),
    "few columns on the right": (t) => matmul(own.wide, transpose(slice(t, 0, 0, 8))),
    "an extra": (t) => matmulAdd(numbers(device, height, 20), numbers(device, 20, width), t),
    "a part": (t) => matmul(slice(t, 1, 1, width), numbers(device, width - 1, 20)),
  };
}

/** `ulp` is the last bit of results of 1. */
async function compare(
  device: Device,
  dtype: Half,
  [height, width]: readonly [number, number],
  ulp = 0,
) {
  using _scope = device.scope("halves");
  const bits = bitsOf(height * width);
  const half = tensor(device, bits, [height, width], dtype);
  const float = tensor(device, decodeHalf(bits, dtype), [height, width]);
  for (const [way, run] of Object.entries(ways(device, height, width))) {
    const [actual, expected] = [[...await run(half).read()], [...await run(float).read()]];
    assertEquals(actual.length, expected.length, way);
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expected.forEach((x, i) => {
      const error = Math.abs(actual[i]! - x);
      assert(
        error <= 1e-6 * largest + ulp * Math.abs(x),
        `${dtype}, ${way}, ${i}: ${actual[i]} for ${x}`,
      );
    });
  }
}

const large = { m: 128, n: 128, k: 32, warps: [2, 4], stages: 3 } as const;
const rectangle = { m: 128, n: 256, k: 32, warps: [2, 4], stages: 3 } as const;
const policies: Readonly<Record<string, ProductPolicy>> = {
  "as chosen": usualProducts,
  "in large tiles": () => ({ tile: large, split: 1 }),
  "in chunks": () => ({ tile: { ...large, m: 32, n: 32, warps: [2, 1] }, split: 3 }),
};

for (const [name, policy] of Object.entries(policies)) {
  for (const dtype of ["f16", "bf16"] as const) {
    Deno.test(`products of ${dtype} ${name} are those of the same numbers in 32 bits`, async () => {
      await withInterpreted({ policy }, async (device) => {
        // Rows of 16 bytes that can be copied whole, and others.
        for (const size of [[40, 48], [37, 45], [64, 96]] as const) {
          await compare(device, dtype, size);
        }
      });
    });
  }
}

Deno.test("products in bf16 of 16 bits are those of bf16 floats", async () => {
  await withInterpreted(
    { precision: "bf16", policy: () => ({ tile: rectangle, split: 1 }) },
    async (device) => {
      for (const size of [[40, 48], [37, 45]] as const) {
        await compare(device, "bf16", size, 2 ** -8);
      }
    },
  );
});

Deno.test("every half is read as the number it is", async () => {
  const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
  await withInterpreted({}, async (device) => {
    const wide = await contiguous(tensor(device, every, [65536], "f16")).read();
    every.forEach((bits, i) =>
      assert(Object.is(wide[i], halfToFloat(bits)), `${bits}: ${wide[i]}`)
    );
    const brain = await contiguous(tensor(device, every, [65536], "bf16")).read();
    assertEquals([...brain], [...decodeHalf(every, "bf16")]);
    assertEquals([...wide], [...decodeHalf(every, "f16")]);
  });
});

/** A product with one element that is not finite. */
async function withFault(device: Device, value: number, dtype: Half | "f32"): Promise<number[]> {
  const [m, k, n] = [5, 40, 9];
  const left = new Float32Array(m * k).fill(0.5);
  const right = new Float32Array(k * n).fill(0.25);
  left[k + 3] = value;
  right[3 * n + 2] = 0;
  const bits = Uint16Array.from(right, (x) => x === 0 ? 0 : dtype === "f16" ? 0x3400 : 0x3e80);
  const b = dtype === "f32" ? tensor(device, right, [k, n]) : tensor(device, bits, [k, n], dtype);
  return [...await matmul(tensor(device, left, [m, k]), b).read()];
}

for (const dtype of ["f32", "f16", "bf16"] as const) {
  Deno.test(`infinities and NaN spread in products with ${dtype} as IEEE 754 says`, async () => {
    for (const precision of precisions) {
      await withInterpreted({ precision }, async (device) => {
        for (const value of [Infinity, -Infinity, NaN]) {
          using _scope = device.scope("fault");
          const actual = await withFault(device, value, dtype);
          const row = Array.from({ length: 9 }, (_, j) => j === 2 ? NaN : value);
          // One of 40 factors is 0 there.
          const usual = Array.from({ length: 9 }, (_, j) => j === 2 ? 4.875 : 5);
          assertEquals(actual, [...usual, ...row, ...Array(3).fill(usual).flat()], `${precision}`);
        }
      });
    }
  });
}
