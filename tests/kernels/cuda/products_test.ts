// Products by every tile, on all layouts and sizes that do not fit.
import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Bound } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import type { StoredFloat } from "../../../core/dtype.ts";
import { scalar } from "../../../core/expr.ts";
import { fusedMatmul, matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { expand } from "../../../core/ops/rowwise.ts";
import { flip, permute, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import {
  type ProductPolicy,
  type ProductSizes,
  usualProducts,
} from "../../../kernels/cuda/product/product_policy.ts";
import {
  type BlockTile,
  type Precision,
  precisions,
  productShape,
} from "../../../kernels/cuda/product/product_shape.ts";
import { renderProduct } from "../../../kernels/cuda/product/product.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import type { CardBuffer } from "../../../kernels/cuda/memory/card_memory.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose, assertSame } from "../../support/op_results.ts";
import { floatOf, toBfloat, toTf32 } from "../../support/ptx/arithmetic.ts";

interface Shape {
  readonly batch: readonly number[];
  readonly sizes: readonly [m: number, n: number, k: number];
  readonly layouts: readonly [boolean, boolean];
}

/** Odd sizes, batches and layouts, drawn. */
function shapes(count: number): Shape[] {
  const u = uniform(seedKey(5), count * 8);
  const sizes = [1, 3, 16, 17, 33, 64, 130];
  return Array.from({ length: count }, (_, i): Shape => {
    const pick = (j: number) => sizes[Math.floor(u[i * 8 + j]! * sizes.length)]!;
    const batch = u[i * 8 + 5]! < 0.6 ? [] : u[i * 8 + 5]! < 0.8 ? [3] : [2, 2];
    const layouts = [u[i * 8 + 3]! < 0.5, u[i * 8 + 4]! < 0.5] as const;
    const few = batch.length > 0 ? 33 : 130;
    return { batch, sizes: [Math.min(few, pick(0)), Math.min(few, pick(1)), pick(2)], layouts };
  });
}

const plain = fusedMatmul("plain", 0, (product) => product);
const scaled = fusedMatmul("scaled", 0, (product) => product.mul(scalar(0, "f32")));
const sum = fusedMatmul("sum", 2, (product, a, b) => product.add(a).add(b));
const two = fusedMatmul("two", 2, (product, a, b) => product.mul(a).add(b));

/** What becomes of a factor. */
const roundings: Readonly<Record<Precision, (x: number) => number>> = {
  float32: (x) => x,
  tf32: (x) => floatOf(toTf32(x)),
  bf16: (x) => floatOf(toBfloat(x) << 16),
};

/**
 * Products with and without extras, of factors that are rounded before.
 *
 * @param dtype Of the results
 */
async function products(
  device: Device,
  { batch, sizes, layouts }: Shape,
  round: (x: number) => number,
  dtype: StoredFloat = device.float,
) {
  using _scope = device.scope("products");
  const [m, n, k] = sizes;
  const make = (rows: number, columns: number, flipped: boolean, seed: number): Tensor => {
    const shape = [...batch, ...(flipped ? [columns, rows] : [rows, columns])];
    const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
    const kept = seed < 3 ? data.map(round) : data;
    const t = tensor(device, kept, shape);
    return flipped ? transpose(t) : t;
  };
  const [a, b, base] = [make(m, k, layouts[0], 1), make(k, n, layouts[1], 2), make(m, n, false, 3)];
  const bias = tensor(device, uniform(seedKey(4), n).map(Math.fround));
  const axes = [...batch.keys()].reverse();
  const turned = permute(base, [...axes, batch.length, batch.length + 1]);
  const extra = permute(turned, [...axes, batch.length, batch.length + 1]);
  const results = [
    ...apply(plain, [a, b], { dtype }),
    ...apply(scaled, [a, b], { dtype, scalars: [0.25] }),
    ...apply(sum, [a, b, bias, extra], { dtype }),
    ...apply(two, [a, b, transpose(make(n, m, false, 5)), base], { dtype }),
  ];
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

const processorCounts = [4, 20, 132];
const deep: readonly number[] = [1, 16, 17, 64, 130, 512, 4096];

/** Sizes that meet every branch of the policy. */
function* allSizes(sharedBytes: number): Generator<ProductSizes> {
  for (const m of deep) {
    for (const n of deep) {
      for (const k of [1, 200, 300, 512, 4096]) {
        for (const processors of processorCounts) {
          for (
            const [terms, bytes] of [[6, [4, 4]], [4, [4, 2]], [2, [2, 2]], [2, [4, 2]]] as const
          ) {
            yield {
              m,
              n,
              k,
              batch: 1,
              terms,
              bytes,
              grouped: false,
              narrow: false,
              processors,
              sharedBytes,
            };
          }
        }
      }
    }
  }
}

const tileName = ({ m, n, k, warps, stages }: BlockTile) =>
  `${m} x ${n} x ${k} by ${warps.join(" x ")} warps, ${stages} stages`;

/** Every tile that is chosen somewhere for factors of a precision. */
function chosenTiles(precision: Precision): Map<string, BlockTile> {
  const tiles = new Map<string, BlockTile>();
  for (const sizes of allSizes(227 * 1024)) {
    if ((sizes.terms === 2) !== (precision === "bf16")) continue;
    const { tile } = usualProducts(sizes);
    tiles.set(tileName(tile), tile);
  }
  return tiles;
}

const drawn = shapes(10);
const expected = await (async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const all: number[][][][] = [];
  for (const precision of precisions) {
    const own: number[][][] = [];
    for (const shape of drawn) own.push(await products(oracle, shape, roundings[precision]));
    all.push(own);
  }
  return all;
})();

/** Checks all shapes by one policy. */
async function check(policy: ProductPolicy, precision: Precision): Promise<void> {
  await withInterpreted({ precision, policy }, async (device) => {
    for (const [i, shape] of drawn.entries()) {
      const actual = await products(device, shape, roundings.float32);
      assertClose(actual, expected[precisions.indexOf(precision)]![i]!, JSON.stringify(shape));
      if (precision !== "bf16") continue;
      // Columns of one element keep their floats.
      const isColumn = shape.sizes[1] === 1;
      const halves = await products(device, shape, roundings.float32, "bf16");
      halves.forEach((result, r) => {
        const kept = actual[r]!.map((x) => isColumn ? x : floatOf(toBfloat(x) << 16));
        assertSame(result, kept, `${JSON.stringify(shape)} in bf16`);
      });
    }
  });
}

for (const precision of precisions) {
  for (const [name, tile] of chosenTiles(precision)) {
    // Floats take more room in shared memory than the halves that this tile is for.
    const fitting = tile.n === 256 ? { ...tile, stages: 3 } : tile;
    Deno.test(`products in tiles of ${name} in ${precision} agree with f64`, () =>
      check(() => ({ tile: fitting, split: 1 }), precision));
  }
}

const small: BlockTile = { m: 32, n: 32, k: 32, warps: [2, 1], stages: 4 };

for (const split of [2, 3, 5]) {
  Deno.test(`products in ${split} chunks agree with f64`, () =>
    check(() => ({ tile: small, split }), "float32"));
}

Deno.test("products in two stages, and as chosen for cards of three sizes, agree with f64", async () => {
  await check(() => ({ tile: { ...small, stages: 2 }, split: 1 }), "float32");
  for (const processors of processorCounts) {
    await check((sizes) => usualProducts({ ...sizes, processors }), "float32");
  }
});

Deno.test("every tile that is chosen has its stages and its sums in shared memory", () => {
  const buffer = { bytes: 0 };
  for (const sharedBytes of [99 * 1024, 163 * 1024, 227 * 1024]) {
    const seen = new Set<string>();
    for (const sizes of allSizes(sharedBytes)) {
      const { tile } = usualProducts(sizes);
      const key = `${tileName(tile)} ${sizes.terms} ${sizes.bytes}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const { m, n, k, terms } = sizes;
      const bound = (columns: number, bytes: number): Bound => (
        { buffer, dtype: bytes === 4 ? "f32" : "bf16", offset: 0, strides: [columns, 1] }
      );
      const operands = [bound(k, sizes.bytes[0]), bound(n, sizes.bytes[1]), bound(n, 4)];
      const precision = terms === 2 ? "bf16" : "float32";
      const shape = productShape([m, n, k], operands, tile, k, precision);
      const asked = renderProduct(plainProduct, shape).sharedBytes;
      assert(tile.stages >= 2 && asked <= sharedBytes, `${key}: ${asked} of ${sharedBytes} bytes`);
    }
  }
});

Deno.test("few rows or columns along a long inner axis are one launch, which agrees with f64", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  for (const [m, n, k] of [[5, 40, 300], [70, 9, 300], [16, 33, 1100], [130, 1, 1100]] as const) {
    for (const layouts of [[false, false], [true, true]] as const) {
      const shape: Shape = { batch: [], sizes: [m, n, k], layouts };
      const wanted = await products(oracle, shape, roundings.float32);
      await withInterpreted({ facts: { processors: 132 } }, async (device, { backend }) => {
        assertClose(
          await products(device, shape, roundings.float32),
          wanted,
          JSON.stringify(shape),
        );
        assertEquals(backend.launches.launches, 4);
      });
    }
  }
});

/** Operands that are cut out of others, run backwards or repeat, and what is 0 long. */
async function strided(device: Device): Promise<number[][]> {
  using _scope = device.scope("strided");
  const make = (seed: number, ...shape: number[]) =>
    tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);
  const [wide, tall] = [make(1, 20, 40), make(2, 40, 24)];
  const results = [
    matmul(slice(wide, 1, 4, 36), slice(tall, 0, 8, 40)),
    matmul(slice(wide, 1, 1, 33), slice(tall, 0, 3, 35)),
    matmul(flip(wide, 1), tall),
    matmul(wide, flip(tall, 0)),
    matmul(flip(flip(wide, 0), 1), flip(tall, 1)),
    matmul(expand(make(3, 1, 40), [20, 40]), tall),
    matmul(make(4, 3, 20, 40), expand(make(5, 1, 40, 8), [3, 40, 8])),
    matmul(permute(make(6, 40, 3, 20), [1, 2, 0]), permute(make(7, 5, 3, 40), [1, 2, 0])),
    matmul(make(8, 20, 0), make(9, 0, 24)),
    matmulAdd(make(8, 20, 0), make(9, 0, 24), make(10, 24)),
    matmul(make(8, 0, 20), make(9, 20, 24)),
  ];
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

Deno.test("products of slices, reversals, repeats and of nothing agree with f64", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const wanted = await strided(oracle);
  for (const policy of [usualProducts, () => ({ tile: small, split: 2 })]) {
    await withInterpreted({ policy }, async (device) => {
      assertClose(await strided(device), wanted, "strided");
    });
  }
});

Deno.test("a product reads no bytes beyond its operands and writes none", async () => {
  await withInterpreted({}, async (_, { backend, state }) => {
    const [m, n, k] = [17, 19, 23];
    const sizes = [4 * m * k, 4 * k * n, 4 * m * n];
    const [a, b, c] = sizes.map((bytes) => backend.allocate(bytes)) as [
      CardBuffer,
      CardBuffer,
      CardBuffer,
    ];
    [a, b].forEach((buffer) =>
      backend.write(buffer, 0, new Float32Array(buffer.bytes / 4).fill(1))
    );
    const bound = (buffer: CardBuffer, columns: number): Bound => (
      { buffer, dtype: "f32", offset: 0, strides: [columns, 1] }
    );
    const [inputs, outputs] = [[bound(a, k), bound(b, n)], [bound(c, n)]];
    backend.run(plainProduct, { space: [m, n, k], inputs, outputs, indices: [], scalars: [] });
    assertEquals([...new Float32Array(await backend.read(c, 0, c.bytes))], Array(m * n).fill(k));
    // Fresh memory of the card is NaN: what was not asked for is neither counted nor touched.
    const end = c.address + c.bytes - state.memory.base;
    const after = state.memory.bytes.subarray(end, end + (512 - c.bytes % 512));
    assert(after.length > 0 && after.every((byte) => byte === 255));
    [a, b, c].forEach((buffer) => backend.release(buffer));
  });
});
