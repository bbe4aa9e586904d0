// Products by warp groups: right on every layout, and wrong where anything of their order is left out.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Bound } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { fusedMatmul, matmul, matmulAdd, matmulScaled } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { type ProductSizes, usualProducts } from "../../../kernels/cuda/product/product_policy.ts";
import { type BlockTile, productShape } from "../../../kernels/cuda/product/product_shape.ts";
import { renderGroupProduct } from "../../../kernels/cuda/product/wgmma/group_product.ts";
import { plainProduct } from "../../../kernels/plan/split_k.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";
import { CardRange } from "../../support/ptx/card_range.ts";
import { PtxMachine } from "../../support/ptx/machine.ts";
import { UnknownPtx } from "../../support/ptx/parse.ts";
import { SharedMemoryRace } from "../../support/ptx/shared_memory.ts";

const tileOf = (m: number, n: number, stages: number): BlockTile => (
  { m, n, k: 32, warps: [m / 16, 1], stages, grouped: true }
);
const tiles = [tileOf(128, 128, 4), tileOf(128, 128, 2), tileOf(128, 64, 4), tileOf(64, 64, 2)];
const policyOf = (tile: BlockTile, split = 1) => (sizes: ProductSizes) =>
  sizes.grouped ? { tile, split } : usualProducts(sizes);

const two = fusedMatmul("two", 2, (product, a, b) => product.mul(a).add(b));

/** Sizes that do not fit, all of them such that four can be read at a time. */
const sizes: readonly (readonly [batch: readonly number[], m: number, n: number, k: number])[] = [
  [[], 130, 132, 100],
  [[], 64, 128, 64],
  [[], 5, 8, 36],
  [[3], 70, 68, 160],
  [[2, 2], 33, 20, 4],
];

async function products(device: Device): Promise<number[][]> {
  using _scope = device.scope("products");
  const results: Tensor[] = [];
  for (const [batch, m, n, k] of sizes) {
    const make = (seed: number, ...shape: number[]) => {
      const data = uniform(seedKey(seed), sizeOf([...batch, ...shape]));
      return tensor(device, data.map((u) => Math.fround(u - 0.5)), [...batch, ...shape]);
    };
    const [a, bias, base] = [make(1, m, k), make(4, 1, n), make(3, m, n)];
    for (const b of [make(2, k, n), transpose(make(2, n, k))]) {
      results.push(
        matmul(a, b),
        matmulScaled(a, b, 0.25),
        matmulAdd(a, b, bias, base),
        ...apply(two, [a, b, transpose(make(5, n, m)), base], {}),
        matmul(flip(a, a.shape.length - 2), b),
      );
    }
  }
  const wide = tensor(device, uniform(seedKey(6), 96 * 200).map(Math.fround), [96, 200]);
  results.push(
    matmul(slice(wide, 1, 4, 100), transpose(slice(wide, 1, 100, 196))),
    matmul(slice(wide, 1, 8, 104), slice(wide, 1, 4, 200)),
  );
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

const expected = await (async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  return await products(oracle);
})();

for (
  const [name, tile, split] of [
    ...tiles.map((tile) => [`${tile.m} x ${tile.n}, ${tile.stages} stages`, tile, 1] as const),
    ["128 x 128 in two chunks", tiles[0]!, 2] as const,
  ]
) {
  Deno.test(`products by warp groups in tiles of ${name} agree with f64`, async () => {
    const policy = policyOf(tile, split);
    await withInterpreted({ policy, facts: { capability: 90 } }, async (device, { texts }) => {
      assertClose(await products(device), expected, name);
      assert(texts.some((text) => text.includes("wgmma.mma_async")));
    });
  });
}

Deno.test("cards of other capabilities have no products by warp groups", async () => {
  for (const capability of [80, 89, 100, 120]) {
    await withInterpreted(
      { policy: policyOf(tiles[0]!), facts: { capability } },
      async (device, { texts }) => {
        const a = tensor(device, new Float32Array(64 * 64).fill(1), [64, 64]);
        assertEquals((await matmul(a, a).read())[0], 64);
        assert(texts.length > 0 && texts.every((text) => text.includes(".target sm_80\n")));
      },
    );
  }
});

Deno.test("warp groups are chosen for large products of a card that has them, and chunks of long ones", () => {
  const of = (m: number, n: number, k: number, grouped = true) => {
    const { tile, split } = usualProducts({
      ...{ m, n, k, batch: 1, terms: 6, bytes: [4, 4], grouped, narrow: false },
      ...{ processors: 132, sharedBytes: 227 * 1024 },
    });
    return tile.grouped === true ? split : 0;
  };
  assertEquals(of(4096, 4096, 4096), 1);
  assertEquals(of(512, 1024, 1024), 4);
  assertEquals(of(512, 1024, 4096), 4);
  assertEquals([of(64, 4096, 4096), of(512, 1024, 64), of(128, 128, 4096)], [0, 0, 0]);
  assertEquals(of(4096, 4096, 4096, false), 0);
});

Deno.test("what is not a number, infinite or at the ends of floats is as on the CPU", async () => {
  const odd = [NaN, Infinity, -Infinity, 3e38, -3.4e38, 1e-30, 0, -0, 1, 65504];
  const values = (seed: number, count: number, rare: readonly number[]) =>
    uniform(seedKey(seed), count).map((u, i) =>
      i % 97 === 0 ? rare[Math.floor(u * rare.length)]! : Math.fround(u)
    );
  const left = values(1, 68 * 96, odd);
  const right = values(2, 96 * 72, [NaN, Infinity, -Infinity, 0, 1]);
  const results = async (device: Device, change: (x: number) => number = (x) => x) => {
    const a = tensor(device, left.map(change), [68, 96]);
    return [...await matmul(a, tensor(device, right.map(change), [96, 72])).read()];
  };
  await using oracle = new Device(openCpu({ kernels: "javascript" }));
  await using exact = new Device(openCpu({ kernels: "javascript" }), "f64");
  const [wanted, whole] = [await results(oracle), await results(exact, Math.abs)];
  assert(wanted.some(Number.isNaN) && wanted.includes(Infinity) && wanted.includes(-Infinity));
  await withInterpreted({ policy: policyOf(tiles[0]!) }, async (device) => {
    const actual = await results(device);
    wanted.forEach((value, i) => {
      const fits = Number.isFinite(value)
        ? Math.abs(actual[i]! - value) <= 1e-6 * whole[i]!
        : Object.is(actual[i], value);
      assert(fits, `${i}: ${actual[i]} for ${value}`);
    });
  });
});

/** Runs the text of one product of 128 x 128 x 128 of small integers, changed before; gives its results. */
function runChanged(change: (code: string) => string): Float32Array {
  const [size, bytes] = [128, 4 * 128 * 128];
  const buffer = { bytes: 0 };
  const bound: Bound = { buffer, dtype: "f32", offset: 0, strides: [size, 1] };
  const shape = productShape([size, size, size], [bound, bound, bound], tiles[0]!, size, "float32");
  const { code, sharedBytes, parameterBytes } = renderGroupProduct(plainProduct, shape);
  const memory = new CardRange(2 ** 33, 3 * bytes);
  memory.mapped.push({ start: 0, end: 3 * bytes, open: true });
  memory.settle();
  const floats = new Float32Array(memory.words.buffer);
  for (let i = 0; i < size * size; i++) floats[i] = i % size % 7;
  for (let i = 0; i < size * size; i++) floats[size * size + i] = Math.floor(i / size) % 5;
  const parameters = new Int32Array(parameterBytes / 4);
  const pitch = 4 * size;
  parameters.set([0, 2, bytes, 2, 2 * bytes, 2]);
  parameters.set([size, size, size, size, 1, 1, pitch, 4, pitch, 4, pitch, 4], 6);
  new PtxMachine(change(code)).run({ memory, parameters, blocks: 1, sharedBytes });
  return floats.slice(2 * size * size);
}

const sum = Array.from({ length: 128 }, (_, k) => (k % 7) * (k % 5)).reduce((a, b) => a + b);

/** The text without the first line after its loop begins that begins so. */
const without = (line: string) => (code: string) => {
  const at = code.indexOf(
    `\n${line}`,
    code.lastIndexOf("\nbar.sync 0", code.indexOf("\nwgmma.fence")),
  );
  assert(at > 0, line);
  return code.slice(0, at) + code.slice(code.indexOf("\n", at + 1));
};

Deno.test("the interpreter notices what the order of a product lacks", () => {
  assert(runChanged((code) => code).every((value) => value === sum));
  for (
    const line of [
      "fence.proxy.async",
      "wgmma.fence",
      "wgmma.wait_group",
      "bar.arrive",
      "bar.sync %r",
    ]
  ) {
    const change = without(line);
    let values: Float32Array | undefined;
    try {
      values = runChanged(change);
    } catch (error) {
      assert(error instanceof SharedMemoryRace || error instanceof UnknownPtx, `${line}: ${error}`);
    }
    assert(values === undefined || values.some((value) => value !== sum), line);
  }
});

Deno.test("a tile whose pattern does not begin at 1024 bytes is refused or read elsewhere", () => {
  const moved = (code: string) =>
    code.replace(", 1023;", ", 64;").replace("0xfffffc00", "0xfffffff0");
  assert(runChanged(moved).some((value) => value !== sum));
});

Deno.test("registers of a product must stay until it has come", () => {
  const found = /wgmma\.mma_async\S* \{(%f\d+), [^}]*\}, \{(%r\d+),/;
  for (const [which, type] of [[1, "f32"], [2, "u32"]] as const) {
    const change = (code: string) => {
      const register = found.exec(code)![which]!;
      const value = type === "f32" ? "0f00000000" : "7";
      return code.replace(
        "wgmma.wait_group",
        `mov.${type} ${register}, ${value};\nwgmma.wait_group`,
      );
    };
    assertThrows(() => runChanged(change), SharedMemoryRace);
  }
});
