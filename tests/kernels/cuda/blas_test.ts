// Products in bf16 by cuBLASLt: which ones, and that they are right.
import { assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Bound, Buffer } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { fusedMatmul, matmul, matmulAdd, matmulScaled } from "../../../core/ops/matmul.ts";
import { expand } from "../../../core/ops/rowwise.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { type Case, checkProducts, type Dtype, type Make, maker } from "../../support/lt_cases.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";

const [m, n, k] = [64, 72, 80];
const two = fusedMatmul("two", 2, (product, a, b) => product.mul(a).add(b));
const kept = fusedMatmul("kept", 1, (product, a) => product.mul(product).add(a));
const plain = fusedMatmul("plain", 0, (product) => product);

/** A and B in each layout. */
function factors(make: Make, turned: readonly boolean[], dtypes: readonly Dtype[]) {
  const [a, b] = ([[m, k], [k, n]] as const).map(([rows, columns], i) =>
    turned[i]
      ? transpose(make(i + 1, [columns, rows], dtypes[i]))
      : make(i + 1, [rows, columns], dtypes[i])
  );
  return [a!, b!] as const;
}

const layouts = [[false, false], [false, true], [true, false], [true, true]] as const;

Deno.test("products of every layout of f32 and bf16 agree with f64, bare and with a bias", async () => {
  const cases: Record<string, Case> = {};
  for (const turned of layouts) {
    for (const dtypes of [["f32", "f32"], ["f32", "bf16"], ["bf16", "f32"], ["bf16", "bf16"]]) {
      cases[`${turned} ${dtypes}`] = (make) => {
        const [a, b] = factors(make, turned, dtypes as Dtype[]);
        return [matmul(a, b), matmulAdd(a, b, make(3, [n]))];
      };
    }
  }
  await checkProducts(cases, true);
});

Deno.test("epilogues with extras and numbers follow the library's product", async () => {
  await checkProducts(
    {
      "a number": (make) => [matmulScaled(...factors(make, [false, false], []), 0.25)],
      "two extras": (make) => [
        apply(two, [
          ...factors(make, [false, true], []),
          transpose(make(4, [n, m])),
          make(5, [m, 1]),
        ], {})[0]!,
      ],
    },
    true,
    { through: 1 },
  );
  // A product that is saved is a second result of one product.
  await withInterpreted({ precision: "bf16", blas: true }, async (device, { blas }) => {
    const make = maker(device);
    const [a, b, extra] = [make(1, [m, k]), make(2, [k, n]), make(3, [m, n])];
    const [result, product] = await Promise.all(
      apply(kept, [a, b, extra], {}).map((t) => t.read()),
    );
    const bare = await matmul(a, b).read();
    const base = await extra.read();
    assertEquals([...product!], [...bare]);
    // The result is made of what is saved.
    result!.forEach((y, i) => {
      const exact = Math.fround(Math.fround(bare[i]! ** 2) + base[i]!);
      assertEquals(y, floatOf(toBfloat(exact) << 16), `kept ${i}`);
    });
    assertEquals(blas.counts.get("cublasLtMatmul"), 2);
  });
});

Deno.test("results that lie transposed are products of the factors in the other order", async () => {
  const cases: Record<string, Case> = {};
  for (const turned of layouts) {
    cases[`${turned}`] = (make) => [
      ...apply(plain, [...factors(make, turned, ["f32", "bf16"])], { order: [1, 0] }),
      apply(two, [
        ...factors(make, turned, ["bf16", "f32"]),
        make(4, [m, n]),
        make(5, [n]),
      ], { order: [1, 0] })[0]!,
    ];
  }
  await checkProducts(cases, true, { through: 1 });
});

Deno.test("rows that lie apart, repeat or run backwards are read as they lie", async () => {
  await checkProducts({
    "columns of both": (make) => [
      matmul(slice(make(1, [m, 96]), 1, 4, 84), slice(make(2, [k, 96]), 1, 12, 84)),
    ],
    "columns of both in bf16": (make) => [
      matmul(slice(make(1, [m, 96], "bf16"), 1, 8, 88), slice(make(2, [k, 96], "bf16"), 1, 16, 88)),
    ],
    "transposed columns": (make) => [
      matmul(
        transpose(slice(make(1, [k, 96]), 1, 8, 72)),
        transpose(slice(make(2, [n, 96]), 1, 4, 84)),
      ),
    ],
    "rows backwards": (make) => [matmul(flip(make(1, [m, k]), 0), make(2, [k, n]))],
    "a row again and again": (make) => [matmul(expand(make(1, [1, k]), [m, k]), make(2, [k, n]))],
    "batches that share B": (make) => [matmul(make(1, [2, 32, k]), make(2, [k, n]))],
    "bf16 of which the last elements of rows are left out": (make) => [
      matmul(slice(make(1, [m, k], "bf16"), 1, 0, 75), slice(make(2, [k, n], "bf16"), 0, 0, 75)),
    ],
  }, true);
});

Deno.test("products that the library is not for are those of our own kernel", async () => {
  await checkProducts({
    "few rows": (make) => [matmul(make(1, [63, 64]), make(2, [64, 64]))],
    "few columns": (make) => [matmul(make(1, [64, 64]), make(2, [64, 60]))],
    "few inner elements": (make) => [matmul(make(1, [64, 56]), make(2, [56, 64]))],
    "results in rows of two": (make) => [matmul(make(1, [64, 64]), make(2, [64, 66]))],
    "a batch": (make) => [matmul(make(1, [2, 64, 64]), make(2, [2, 64, 64]))],
    "f16": (make) => [matmul(make(1, [64, 64]), make(2, [64, 64], "f16"))],
    "an offset in f32": (make) => [matmul(slice(make(1, [64, 72]), 1, 2, 66), make(2, [64, 64]))],
    "an offset in bf16": (make) => [
      matmul(slice(make(1, [64, 72], "bf16"), 1, 4, 68), make(2, [64, 64])),
    ],
    "a pitch in f32": (make) => [matmul(make(1, [64, 66]), make(2, [66, 64]))],
    "a pitch in bf16": (make) => [matmul(make(1, [64, 68], "bf16"), make(2, [68, 64]))],
    "rounded rows that are no eights": (make) => [matmul(make(1, [64, 68]), make(2, [68, 64]))],
    "columns backwards": (make) => [matmul(flip(make(1, [64, 64]), 1), make(2, [64, 64]))],
    "rows of bf16 backwards": (make) => [
      matmul(flip(make(1, [64, 64], "bf16"), 0), make(2, [64, 64])),
    ],
    "a row of bf16 again and again": (make) => [
      matmul(expand(make(1, [1, 64], "bf16"), [64, 64]), make(2, [64, 64])),
    ],
  }, false);
});

Deno.test("rows of the result may lie apart, and nothing between them is written", async () => {
  for (const [pitch, offset, calls] of [[80, 4, 1], [82, 4, 0], [80, 2, 1], [80, 3, 1]] as const) {
    await withInterpreted({ precision: "bf16", blas: true }, async (device, { backend, blas }) => {
      const c = backend.allocate(4 * 64 * 82 + 64);
      backend.write(c, 0, new Float32Array(c.bytes / 4).fill(-7));
      const bound = (bytes: number): Bound => {
        const buffer: Buffer = backend.allocate(bytes);
        backend.write(buffer, 0, new Float32Array(bytes / 4).fill(1));
        return { buffer, dtype: "f32", offset: 0, strides: [64, 1] };
      };
      const inputs = [bound(4 * 64 * 64), bound(4 * 64 * 64)];
      const outputs: Bound[] = [{ buffer: c, dtype: "f32", offset, strides: [pitch, 1] }];
      const space = [64, 64, 64];
      backend.run(plainProduct, { space, inputs, outputs, indices: [], scalars: [] });
      const found = new Float32Array(await backend.read(c, 0, c.bytes));
      found.forEach((x, i) => {
        const at = i - offset;
        const inside = at >= 0 && at < 64 * pitch && at % pitch < 64;
        assertEquals(x, inside ? 64 : -7, `${i} of pitch ${pitch}`);
      });
      assertEquals(blas.counts.get("cublasLtMatmul") ?? 0, calls, `${pitch} ${offset}`);
      for (const { buffer } of [...inputs, ...outputs]) backend.release(buffer);
      assertEquals(device.float, "f32");
    });
  }
});

Deno.test("floats are rounded to the nearest of bf16, the even one of two", async () => {
  await withInterpreted({ precision: "bf16", blas: true }, async (device, { blas }) => {
    const [rows, size] = [72, 64];
    const data = uniform(seedKey(7), rows * size).map((u) => Math.fround(3 * u - 1.5));
    [1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8 - 2 ** -20, 3.4e38, 2 ** -130, 0].forEach((x, i) =>
      data[i * size + i] = Math.fround(x)
    );
    const a = tensor(device, data, [rows, size]);
    const one = Array.from({ length: size * size }, (_, i) => i % (size + 1) === 0 ? 1 : 0);
    const b = tensor(device, one, [size, size]);
    const expected = Array.from(data, (x) => floatOf(toBfloat(Math.fround(x)) << 16));
    // Infinity times 0 is NaN.
    expected.fill(NaN, 3 * size, 4 * size).fill(Infinity, 3 * size + 3, 3 * size + 4);
    assertEquals([...await matmul(a, b).read()], expected);
    assertEquals(blas.counts.get("cublasLtMatmul"), 1);
  });
});

Deno.test("a product is described once, and its description names the library", async () => {
  await withInterpreted({ precision: "bf16", blas: true }, async (device, { backend, blas }) => {
    const make = maker(device);
    const [a, b] = [make(1, [m, k]), make(2, [k, n])];
    for (let i = 0; i < 3; i++) await matmul(a, b).read();
    await matmulAdd(a, b, make(3, [n])).read();
    const asked = `NN ${n} x ${m} x ${k} in rows of ${n}, ${k}, ${n}, ${n}`;
    assertEquals(blas.asked, [`${asked}, rounded`, asked]);
    assertEquals(blas.counts.get("cublasLtMatmul"), 4);
    assertEquals(
      backend.description,
      "CUDA, an interpreted card at 0000:0a:00.0, products in bf16 by cuBLASLt 13.1",
    );
  });
});

Deno.test("products in float32 never go to the library", async () => {
  const card = interpretedCuda("float32", { blas: true });
  const device = new Device(card.backend);
  {
    using _scope = device.scope("test");
    await matmul(maker(device)(1, [64, 64]), maker(device)(2, [64, 64])).read();
  }
  assertEquals([...card.blas.counts], []);
  assertEquals(
    card.backend.description,
    "CUDA, an interpreted card at 0000:0a:00.0, products in float32",
  );
  await device[Symbol.asyncDispose]();
  assertEquals([...card.state.open], ["cuBLASLt"]);
});
