// Programs on whatever views of their operands, drawn: the CPU's numbers.
import { assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { Device } from "../../../core/device.ts";
import { input, rowMax, rowSum } from "../../../core/expr.ts";
import { gather, scatterAdd } from "../../../core/ops/gather.ts";
import { fusedMatmul, matmul } from "../../../core/ops/matmul.ts";
import { expand, rowwise } from "../../../core/ops/rowwise.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, permute } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose } from "../../support/op_results.ts";

/** Numbers below a limit, one after another, the same for the same seed. */
class Draws {
  readonly #numbers: Float64Array;
  #next = 0;

  constructor(seed: number) {
    this.#numbers = uniform(seedKey(seed), 4000);
  }

  below(limit: number): number {
    return Math.floor(this.#numbers[this.#next++]! * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** A view of a shape: axes in another order, backwards, parts of longer ones, or repeated. */
function view(device: Device, draws: Draws, shape: readonly number[]): Tensor {
  const order = shape.map((_, axis) => axis);
  for (let i = order.length - 1; i > 0; i--) {
    const j = draws.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const [repeats, cuts, flips] = [shape, shape, shape].map((axes) =>
    axes.map(() => draws.below(4) === 0)
  );
  const margins = shape.map((_, axis) => cuts![axis] ? draws.of([1, 2, 4, 8]) : 0);
  const stored = shape.map((size, axis) => repeats![axis] ? 1 : size + 2 * margins[axis]!);
  const inMemory = order.map((axis) => stored[axis]!);
  const data = uniform(seedKey(draws.below(2 ** 20)), sizeOf(inMemory));
  let t = tensor(device, data.map((u) => Math.fround(u - 0.5)), inMemory);
  t = permute(t, shape.map((_, axis) => order.indexOf(axis)));
  shape.forEach((size, axis) => {
    if (repeats![axis]) return;
    if (margins[axis]! > 0) t = slice(t, axis, margins[axis]!, margins[axis]! + size);
    if (flips![axis]) t = flip(t, axis);
  });
  return expand(t, shape);
}

const [x, y] = [input(0, "f32", 3), input(1, "f32", 3)];
const centred = x.sub(rowMax(x.add(y)));
const rows = rowwise("rows", ["f32", "f32"], [centred.mul(y), rowSum(centred.mul(y))]);
const map = rowwise("map", ["f32", "f32"], [x.mul(y).sub(x)]);
const fused = fusedMatmul("fused", 2, (product, a, b) => product.mul(a).sub(b));

/** What some drawn views give. */
async function results(device: Device, seed: number): Promise<number[][]> {
  using _scope = device.scope("views");
  const draws = new Draws(seed);
  const size = () => draws.of([1, 2, 3, 4, 8, 12, 20, 33]);
  const space = Array.from({ length: 1 + draws.below(4) }, () => draws.of([1, 2, 3, 4, 8, 20]));
  const pair = [view(device, draws, space), view(device, draws, space)] as const;
  const [m, n, k] = [size(), size(), size()];
  const batch = draws.of([[], [3], [2, 2]]);
  const a = view(device, draws, [...batch, m, k]);
  const b = view(device, draws, [...batch, k, n]);
  const extras = [view(device, draws, [...batch, m, n]), view(device, draws, [...batch, m, n])];
  const ids = tensor(device, Array.from({ length: 7 }, () => draws.below(m)), [7], "u32");
  const tensors = [
    ...apply(map, pair, {}),
    ...apply(rows, pair, {}),
    matmul(a, b),
    ...apply(fused, [a, b, ...extras], {}),
    gather(view(device, draws, [m, n]), ids),
    scatterAdd(view(device, draws, [7, n]), ids, m),
  ];
  return await Promise.all(tensors.map(async (t) => [...await t.read()]));
}

Deno.test("maps, rows, products, gather and scatter-add take whatever views", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  await withInterpreted({}, async (device) => {
    for (let seed = 0; seed < 60; seed++) {
      const expected = await results(oracle, seed);
      assertClose(await results(device, seed), expected, `views of seed ${seed}`);
    }
    assertEquals(device.backend.statistics.buffers, 0);
  });
});
