import { assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { add, exp, gelu, mul } from "../../../core/ops/elementwise.ts";
import { input } from "../../../core/expr.ts";
import { rowwise, sumRow } from "../../../core/ops/rowwise.ts";
import { reshape, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { attentionWeights } from "../../../nn/layers/attention_weights.ts";
import { layerNormOp } from "../../../core/ops/norm.ts";
import { cpuTest } from "../../support/cpu_variants.ts";
import { assertClose, type Results } from "../../support/op_results.ts";

/** Around every count of columns that loops are unrolled to, and the stretch of a sum in floats. */
const lengths = [
  ...[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 35, 36, 63, 64, 65, 67],
  ...[1023, 1024, 1025, 1056, 1060, 2049],
];

type RowsProgram = (x: Tensor, w: Tensor, b: Tensor, peaks: Tensor) => Tensor;

/** Programs of one pass and of several, with few nodes and with many. */
const programs: Readonly<Record<string, RowsProgram>> = {
  "layer norm": (x, w, b) => apply(layerNormOp, [x, w, b], { scalars: [1e-5] })[0]!,
  "sum of squares": (x) => sumRow(mul(x, x)),
  "sum of products with a row": (x, w) => sumRow(add(mul(x, w), mul(x, x))),
  "two products": (x, w, b) => add(mul(x, w), mul(x, b)),
  "a product that is used twice": (x, w) => add(mul(x, w), exp(mul(x, w))),
  "gelu": (x) => gelu(x),
  "columns as rows": (x) => sumRow(mul(transpose(x), transpose(x))),
  "softmax": (x, _w, _b, peaks) => {
    const [rows, columns] = x.shape as [number, number];
    const options = { scale: 0.5, causal: false, maximum: columns };
    return attentionWeights(reshape(add(x, peaks), [1, 1, 1, rows, columns]), options);
  },
};

async function run(device: Device, name: string, columns: number): Promise<Results> {
  using _scope = device.scope("rows");
  const data = (seed: number, count: number) =>
    uniform(seedKey(seed), count).map((u) => Math.fround(6 * u - 2));
  const x = tensor(device, data(columns, 3 * columns), [3, columns]);
  const [w, b] = [5, 6].map((seed) => tensor(device, data(seed, columns))) as [Tensor, Tensor];
  // Somewhere in each row a value so large that softmax overflows if it misses it.
  const high = new Float64Array(3 * columns);
  for (let row = 0; row < 3; row++) {
    high[row * columns + ((columns >> 1) + 11 * row) % columns] = 300;
  }
  const peaks = tensor(device, high, [3, columns]);
  return [[...await programs[name]!(x, w, b, peaks).read()]];
}

cpuTest(
  (variant) => `rows of any length agree with f64 by ${variant}`,
  async (device) => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    for (const name of Object.keys(programs)) {
      for (const columns of lengths) {
        const expected = await run(oracle, name, columns);
        assertClose(await run(device, name, columns), expected, `${name} of ${columns}`);
      }
    }
  },
);

/** A number of each row times the elements of the row. */
const byRow = rowwise("byRow", ["f32", "f32"], [input(0, "f32", 3).mul(input(1, "f32", 1))]);

cpuTest(
  (variant) => `rows of one element have their own numbers by ${variant}`,
  async (device) => {
    using _scope = device.scope("rows");
    const [x, factors] = [tensor(device, [1, 2, 3], [3, 1]), tensor(device, [5, 7, 11], [3, 1])];
    assertEquals([...await apply(byRow, [x, factors], {})[0]!.read()], [5, 14, 33]);
  },
);
