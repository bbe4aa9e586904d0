import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Half } from "../../core/dtype.ts";
import { decodeHalf } from "../../core/half.ts";
import { add } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { matmul } from "../../core/ops/matmul.ts";
import { contiguous, flip, transpose } from "../../core/ops/view.ts";
import { seedKey, threefry, uniform } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { cpuTest } from "../support/cpu_variants.ts";
import { webGpuTest } from "../support/webgpu_device.ts";

/** Bits of numbers up to about 2, subnormal ones among them. */
function bitsOf(count: number): Uint16Array {
  return Uint16Array.from({ length: count }, (_, i) => {
    const [a, b] = threefry([5, 6], i, 0);
    return i % 7 === 0 ? (a & 0x83ff) : (a & 0x8000) | b % 0x4000;
  });
}

/** Every way in which halves are read, beside the same in floats. */
async function compare(device: Device, dtype: Half): Promise<void> {
  using _scope = device.scope("halves");
  const [height, width] = [37, 45];
  const bits = bitsOf(height * width);
  const half = tensor(device, bits, [height, width], dtype);
  const float = tensor(device, decodeHalf(bits, dtype), [height, width]);
  const numbers = (rows: number, columns: number) =>
    tensor(device, uniform(seedKey(rows), rows * columns).map((u) => u - 0.5), [rows, columns]);
  const ids = tensor(device, [3, 0, 36, 3], [4], "u32");
  const ways: Record<string, (table: Tensor) => Tensor> = {
    "read back": (t) => t,
    "rows": (t) => gather(t, ids),
    "rows that run backwards": (t) => gather(flip(t, 1), ids),
    "columns as rows": (t) => gather(transpose(t), ids),
    "a sum": (t) => add(numbers(height, width), t),
    "a sum by columns": (t) => add(numbers(width, height), transpose(t)),
    "a copy": (t) => contiguous(transpose(t)),
    "the left of a product": (t) => matmul(t, numbers(width, 9)),
  };
  for (const rows of [1, 3, 7, 70, 130]) {
    ways[`the right of a product with ${rows} rows`] = (t) => matmul(numbers(rows, height), t);
    ways[`the same transposed, ${rows} rows`] = (t) => matmul(numbers(rows, width), transpose(t));
  }
  for (const [way, run] of Object.entries(ways)) {
    const [actual, expected] = [[...await run(half).read()], [...await run(float).read()]];
    assertEquals(actual.length, expected.length, way);
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expected.forEach((x, i) => {
      assert(Math.abs(actual[i]! - x) <= 1e-6 * largest, `${way}, ${i}: ${actual[i]} for ${x}`);
    });
  }
}

const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
const widened = (device: Device, dtype: Half) =>
  contiguous(tensor(device, every, [65536], dtype)).read();

for (const dtype of ["f16", "bf16"] as const) {
  cpuTest(
    (variant) => `${dtype} weights are the floats they stand for, by ${variant}`,
    (device) => compare(device, dtype),
  );
  webGpuTest(
    `${dtype} weights are the floats they stand for, on WebGPU`,
    (device) => compare(device, dtype),
  );

  cpuTest(
    (variant) => `every ${dtype} number is widened exactly, by ${variant}`,
    async (device) => {
      using _scope = device.scope("all");
      assertEquals(await widened(device, dtype), decodeHalf(every, dtype));
    },
  );
  webGpuTest(
    `every ${dtype} number is widened exactly, but for subnormal floats, on WebGPU`,
    async (device) => {
      const normal = (values: Iterable<number>) =>
        Array.from(values, (x) => Math.abs(x) < 2 ** -126 ? 0 : x);
      assertEquals(normal(await widened(device, dtype)), normal(decodeHalf(every, dtype)));
    },
  );
}

cpuTest((variant) => `gather() reads rows that run backwards, by ${variant}`, async (device) => {
  using _scope = device.scope("gather");
  const table = tensor(device, [1, 2, 3, 4, 5, 6], [2, 3]);
  const rows = gather(flip(table, 1), tensor(device, [1, 0], [2], "u32"));
  assertEquals([...await rows.read()], [6, 5, 4, 3, 2, 1]);
});

Deno.test("decodeHalf() agrees with the platform's half-precision numbers", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
  assertEquals(decodeHalf(bits, "f16"), new Float32Array(new Float16Array(bits.buffer)));
});

Deno.test("decodeHalf() of bf16 is the upper half of a float", () => {
  fc.assert(fc.property(fc.float({ noNaN: true }), (x) => {
    const word = new Uint32Array(Float32Array.of(x).buffer)[0]!;
    const upper = new Float32Array(Uint32Array.of(word & 0xffff0000).buffer)[0];
    assertEquals(decodeHalf(Uint16Array.of(word >>> 16), "bf16")[0], upper);
  }));
});
