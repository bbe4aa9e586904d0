import { assert } from "@std/assert";
import { matmul, matmulAdd, matmulScaled } from "../../../core/ops/matmul.ts";
import { permute, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { type MatmulPolicy, usualPolicy } from "../../../kernels/webgpu/product/matmul_policy.ts";
import { direct, tiled } from "../../../kernels/webgpu/product/variant.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

interface Shape {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly layouts: readonly [boolean, boolean];
}

/** Shapes that meet every variant: edges, skinny sides, batches, all four layouts. */
function shapes(count: number): Shape[] {
  const u = uniform(seedKey(5), count * 8);
  const sizes = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 64, 65, 100, 130];
  const deep: readonly Shape[] = [
    { batch: [], m: 8, n: 100, k: 1000, layouts: [true, false] },
    { batch: [2], m: 70, n: 7, k: 600, layouts: [false, true] },
  ];
  const random = Array.from({ length: count }, (_, i): Shape => {
    const pick = (j: number) => sizes[Math.floor(u[i * 8 + j]! * sizes.length)]!;
    const batch = u[i * 8 + 5]! < 0.6 ? [] : u[i * 8 + 5]! < 0.8 ? [3] : [2, 2];
    return {
      batch,
      m: pick(0),
      n: pick(1),
      k: pick(2),
      layouts: [u[i * 8 + 3]! < 0.5, u[i * 8 + 4]! < 0.5],
    };
  });
  return [...deep, ...random];
}

/** Products of a shape with each epilogue, or with those that `epilogues` names by number. */
async function products(
  device: Device,
  { batch, m, n, k, layouts }: Shape,
  epilogues: readonly number[] = [0, 1, 2],
): Promise<number[][]> {
  using _scope = device.scope("products");
  const make = (rows: number, columns: number, flipped: boolean, seed: number): Tensor => {
    const shape = [...batch, ...(flipped ? [columns, rows] : [rows, columns])];
    const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
    const t = tensor(device, data, shape);
    return flipped ? transpose(t) : t;
  };
  const a = make(m, k, layouts[0], 1);
  const b = make(k, n, layouts[1], 2);
  const base = make(m, n, false, 3);
  const bias = tensor(device, uniform(seedKey(4), n).map(Math.fround));
  const axes = [...batch.keys()].reverse();
  const turned = permute(base, [...axes, batch.length, batch.length + 1]);
  const extra = permute(turned, [...axes, batch.length, batch.length + 1]);
  const all = [
    () => matmul(a, b),
    () => matmulScaled(a, b, 0.25),
    () => matmulAdd(a, b, bias, extra),
  ];
  const results = epilogues.map((which) => all[which]!());
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

/** Every kind of variant, whatever would be chosen, and the number of shapes it is tried on. */
const policies: Readonly<Record<string, [number, MatmulPolicy]>> = {
  "as chosen for software": [24, (sizes) => usualPolicy(sizes, true)],
  "as chosen for a GPU": [12, (sizes) => usualPolicy(sizes, false)],
  "by lanes": [24, () => ({ variant: direct(8, 32, 4), split: 1 })],
  "in tiles, in chunks": [12, () => ({ variant: tiled(32, 16, 8, 4, 4), split: 3 })],
  "in deep tiles": [8, () => ({ variant: tiled(16, 32, 4, 4, 32), split: 1 })],
};

for (const [name, [count, policy]] of Object.entries(policies)) {
  webGpuTest(`matmul() ${name} agrees with f64 on random shapes`, async (shared, { device }) => {
    const facts = { description: "variant under test", software: true };
    const backend = new WebGpuBackend(device, facts, policy);
    for (const [place, shape] of shapes(count).entries()) {
      // Deep tiles take half a second to compile: beyond the first two shapes each epilogue in turn.
      const epilogues = name === "in deep tiles" && place > 1 ? [place % 3] : [0, 1, 2];
      const actual = await products(new Device(backend), shape, epilogues);
      await withDevice("f64", async (oracle) => {
        (await products(oracle, shape, epilogues)).forEach((expected, r) => {
          const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          expected.forEach((x, i) => {
            const error = Math.abs(actual[r]![i]! - x);
            assert(error <= 1e-6 + 1e-5 * largest, `${JSON.stringify(shape)} ${r} ${i} ${error}`);
          });
        });
      });
    }
    assert(shared.backend.statistics.buffers >= 0);
  });
}
