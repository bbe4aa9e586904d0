import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Backend } from "../../../core/backend.ts";
import { Device } from "../../../core/device.ts";
import { draw, index, scalar } from "../../../core/expr.ts";
import { matmul } from "../../../core/ops/matmul.ts";
import { transpose } from "../../../core/ops/view.ts";
import { rowProgram } from "../../../core/program.ts";
import { type Key, seedKey, threefry, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { dropElementsOp, dropSpanOp } from "../../../nn/dropout/drop_hidden.ts";
import { conformance } from "../../support/conformance.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertRounded, assertSame } from "../../support/op_results.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";
import { interpretedCuda } from "../../support/ptx/interpreted_driver.ts";
import { withDevice } from "../../support/with_device.ts";

conformance("CUDA, interpreted", () => interpretedCuda().backend);

const shapes: readonly (readonly [m: number, n: number, k: number])[] = [
  [33, 17, 40],
  [5, 70, 129],
  [130, 9, 64],
];

/** Products of factors that are rounded first where `rounds` says so. */
async function products(device: Device, rounds: boolean): Promise<number[][]> {
  using _scope = device.scope("products");
  const make = (seed: number, ...shape: number[]) => {
    const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
    const kept = rounds ? data.map((x) => floatOf(toBfloat(x) << 16)) : data;
    return tensor(device, kept, shape);
  };
  const results = shapes.flatMap(([m, n, k]) => {
    const [a, b, turned] = [make(1, m, k), make(2, k, n), make(3, n, k)];
    return [matmul(a, b), matmul(a, transpose(turned))];
  });
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

Deno.test("products in bf16 are those of rounded factors", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const expected = await products(oracle, true);
  await withInterpreted({ precision: "bf16" }, async (device) => {
    assertRounded(await products(device, false), expected, "bf16");
  });
});

/** Chunks would make sums shorter. */
const one = () => ({ tile: { m: 32, n: 32, k: 32, warps: [2, 1], stages: 4 } as const, split: 1 });

Deno.test("sums of many products are not biased by how matrix units cut sums off", async () => {
  const k = 65_536;
  const data = uniform(seedKey(3), k).map(Math.fround);
  const exact = data.reduce((sum, x) => sum + x * x, 0);
  await withInterpreted({ policy: one }, async (device) => {
    const row = tensor(device, data, [1, k]);
    const [sum] = await matmul(row, transpose(row)).read();
    // If each of the 4096 steps were cut off, 1e-4 would be missing.
    assert(Math.abs(sum! - exact) < 5e-6 * exact, `${sum} for ${exact}`);
  });
});

Deno.test("products of two floats are within 5 units in the last place, and right on average", async () => {
  const [a, b] = [1, 2].map((seed) => uniform(seedKey(seed), 200).map((u) => Math.fround(1 + u)));
  await withInterpreted({}, async (device) => {
    const [left, right] = [tensor(device, a!, [200, 1]), tensor(device, b!, [1, 200])];
    const y = await matmul(left, right).read();
    // The parts that are left out: 2^-22 of their product, 2^-23 of each, what units cut off.
    const errors = Array.from(y, (x, i) => x / (a![Math.floor(i / 200)]! * b![i % 200]!) - 1);
    const most = errors.reduce((most, e) => Math.max(most, Math.abs(e)), 0);
    const mean = errors.reduce((sum, e) => sum + e, 0) / errors.length;
    assert(most < 5 * 2 ** -23 && Math.abs(mean) < 2 ** -24, `${most} ${mean}`);
  });
});

/** Words of Threefry, drawn by a program of the backend's own. */
async function words(backend: Backend, key: Key, count: number, offset: number): Promise<number[]> {
  const drawn = draw([scalar(0, "u32"), scalar(1, "u32")], index(0, 3), index(1, 3));
  const buffer = backend.allocate(4 * 3 * count);
  backend.run(rowProgram([], [drawn]), {
    space: [3, count],
    inputs: [],
    outputs: [{ buffer, dtype: "u32", offset: 0, strides: [count, 1] }],
    indices: [{ offset: 4, strides: [1, 0] }, { offset, strides: [0, 1] }],
    scalars: key,
  });
  const bytes = await backend.read(buffer, 0, buffer.bytes);
  backend.release(buffer);
  return [...new Uint32Array(bytes)];
}

Deno.test("draws are the words of Threefry", async () => {
  await withInterpreted({}, async (_, { backend }) => {
    for (const key of [seedKey(7), [0xdeadbeef, 0xffffffff] as Key]) {
      for (const [count, offset] of [[8, 0], [33, 5], [7, 2 ** 31]] as const) {
        const expected = [4, 5, 6].flatMap((first) =>
          Array.from({ length: count }, (_, i) => {
            const position = offset + i;
            return threefry(key, first, position >>> 1)[position & 1]!;
          })
        );
        assertEquals(await words(backend, key, count, offset), expected);
      }
    }
  });
});

/** What masks leave of ones: elements and spans of hidden representations. */
async function masks(device: Device): Promise<number[][]> {
  using _scope = device.scope("masks");
  const results = [[2, 3, 5], [2, 16, 8], [3, 7, 33]].flatMap((shape) => {
    const [batch, length, width] = shape as [number, number, number];
    const ones = tensor(device, new Float32Array(sizeOf(shape)).fill(1), shape);
    const examples = tensor(device, [...Array(batch).keys()], [batch, 1, 1], "u32");
    const lengths = tensor(device, Array<number>(batch).fill(length), [batch, 1, 1], "u32");
    return [
      ...apply(dropElementsOp, [ones, examples], {
        scalars: [5, 6, 2 ** 31, 0, 2],
        indices: [{ offset: 0, strides: [0, width, 1] }],
      }),
      ...apply(dropSpanOp, [ones, examples, lengths], {
        scalars: [5, 6, 2 ** 15, 0, 1],
        indices: [{ offset: 0, strides: [0, 1, 0] }],
      }),
    ];
  });
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

Deno.test("masks of a key are the CPU's", async () => {
  let expected: number[][] = [];
  await withDevice("f32", async (cpu) => {
    expected = await masks(cpu);
  });
  assert(expected.every((mask) => mask.includes(0) && mask.some((x) => x > 0)));
  await withInterpreted({}, async (device) => {
    (await masks(device)).forEach((actual, i) => assertSame(actual, expected[i]!, `mask ${i}`));
  });
});
