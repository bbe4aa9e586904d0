// Rows, batches and inner axes without elements, where the memory of results held other numbers before.
import { assertEquals } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { gather } from "../../core/ops/gather.ts";
import { bidirectionalKl, klDivergence } from "../../core/ops/losses.ts";
import { matmul, matmulAdd, matmulScaled } from "../../core/ops/matmul.ts";
import { max, mean, sum } from "../../core/ops/reduce.ts";
import { softmax } from "../../core/ops/softmax.ts";
import { layerNorm } from "../../core/ops/norm.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { cpuTest } from "../support/cpu_variants.ts";
import { webGpuTest } from "../support/webgpu_device.ts";

type Shape = readonly number[];
const filled = (device: Device, shape: Shape, value = 1) => {
  const count = shape.reduce((product, size) => product * size, 1);
  return tensor(device, new Float32Array(count).fill(value), shape);
};
const slope = (f: (x: Tensor) => Tensor, x: Tensor) => gradient(() => sum(f(x)), [x]).gradients[0]!;

/** A result, and what it must be. */
type Case = readonly [run: (d: Device) => Tensor, expected: Shape];

const cases: Readonly<Record<string, Case>> = {
  "sum of all": [(d) => sum(filled(d, [0])), [0]],
  "sum of rows": [(d) => sum(filled(d, [3, 0]), 1), [0, 0, 0]],
  "sum of columns": [(d) => sum(filled(d, [0, 3]), 0), [0, 0, 0]],
  "sum of no rows": [(d) => sum(filled(d, [0, 3]), 1), []],
  "mean of all": [(d) => mean(filled(d, [0])), [NaN]],
  "mean of columns": [(d) => mean(filled(d, [0, 2]), 0), [NaN, NaN]],
  "max of no rows": [(d) => max(filled(d, [0, 3]), 1), []],
  "softmax": [(d) => softmax(filled(d, [3, 0])), []],
  "divergence": [(d) => klDivergence(filled(d, [2, 0]), filled(d, [2, 0])), [0, 0]],
  "divergence of no rows": [(d) => bidirectionalKl(filled(d, [0, 3]), filled(d, [0, 3])), [0]],
  "product": [(d) => matmul(filled(d, [2, 0]), filled(d, [0, 2])), [0, 0, 0, 0]],
  "products": [(d) => sum(matmul(filled(d, [3, 7, 0]), filled(d, [3, 0, 5])), [1, 2]), [0, 0, 0]],
  "product and bias": [
    (d) => matmulAdd(filled(d, [2, 0]), filled(d, [0, 2]), filled(d, [2], 5)),
    [5, 5, 5, 5],
  ],
  "scaled product": [(d) => matmulScaled(filled(d, [1, 0]), filled(d, [0, 2]), 3), [0, 0]],
  "product of no rows": [(d) => matmul(filled(d, [0, 3]), filled(d, [3, 2])), []],
  "gradient of a product of no rows": [
    (d) => slope((b) => matmul(filled(d, [0, 3]), b), filled(d, [3, 2])),
    [0, 0, 0, 0, 0, 0],
  ],
  "gradient of what was broadcast": [
    (d) => slope((b) => mul(filled(d, [0, 3]), b), filled(d, [3])),
    [0, 0, 0],
  ],
  "gradient of a norm's weight": [
    (d) => slope((w) => layerNorm(filled(d, [0, 2]), w, filled(d, [2]), 1e-5), filled(d, [2])),
    [0, 0],
  ],
  "gradient of a table": [
    (d) => slope((table) => gather(table, tensor(d, [], [0], "u32")), filled(d, [3, 2])),
    [0, 0, 0, 0, 0, 0],
  ],
};

async function check(device: Device): Promise<void> {
  for (const [name, [run, expected]] of Object.entries(cases)) {
    using _scope = device.scope(name);
    for (let count = 1; count <= 16; count++) filled(device, [count], 7)[Symbol.dispose]();
    assertEquals([...await run(device).read()], expected, name);
  }
}

cpuTest((variant) => `what has no elements counts for nothing: ${variant}`, check);
webGpuTest("what has no elements counts for nothing: WebGPU", check);
