// Row programs in every shape that GPUs take, on any adapter: with subgroups and without.
import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { input, rowMax, rowSum } from "../../../core/expr.ts";
import { rowwise } from "../../../core/ops/rowwise.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { conformance } from "../../support/conformance.ts";
import { assertClose } from "../../support/op_results.ts";
import { faultsOf } from "../../support/special/special_row.ts";
import { specialTable } from "../../support/special/special_table.ts";
import { openOwnWebGpu, webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

const x = input(0, "f32", 3);
const y = input(1, "f32", 3);
// Two passes, the first with two reductions, the second with one; outputs by row and by column.
const centred = x.sub(rowSum(x).mul(1 / 64));
const program = rowwise("program", ["f32", "f32"], [
  centred.mul(rowMax(x.mul(y))),
  rowSum(centred.mul(centred)),
  y.add(x),
]);

/** Results on rows of a length: contiguous and not, aligned and not. */
async function rowsOf(device: Device, rows: number, columns: number): Promise<number[][]> {
  using _scope = device.scope("rows");
  const make = (seed: number, ...shape: number[]) =>
    tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);
  const longer = make(1, rows, columns + 4);
  const pairs: (readonly [Tensor, Tensor])[] = [
    [make(2, rows, columns), make(3, rows, columns)],
    [slice(longer, 1, 4, columns + 4), slice(longer, 1, 1, columns + 1)],
    [transpose(make(4, columns, rows)), make(5, columns)],
    [flip(make(6, rows, columns), 1), make(7, rows, 1)],
  ];
  const results = pairs.flatMap((pair) => apply(program, pair, {}));
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

const lengths: readonly (readonly [rows: number, columns: number])[] = [
  [5, 1],
  [70, 20],
  [9, 63],
  [33, 64],
  [5, 260],
  [4200, 36],
  [3, 5000],
  [2, 131_072],
];

/** Another backend on the device, with the kernels of a GPU. */
function likeGpu(device: GPUDevice, subgroups: WebGpuBackend["subgroups"]): WebGpuBackend {
  const backend = new WebGpuBackend(device, { description: "under test", software: false });
  backend.subgroups = subgroups;
  return backend;
}

webGpuTest("rows of all lengths agree with f64, with subgroups and without", async (_, shared) => {
  const backends = [undefined, shared.subgroups].map((used) => likeGpu(shared.device, used));
  for (const [rows, columns] of lengths) {
    await withDevice("f64", async (oracle) => {
      const expected = await rowsOf(oracle, rows, columns);
      for (const backend of backends) {
        const actual = await rowsOf(new Device(backend), rows, columns);
        const kind = backend.subgroups === undefined ? "without" : "with";
        assertClose(actual, expected, `${rows} x ${columns} ${kind} subgroups`);
      }
    });
  }
});

const openLikeGpu = openOwnWebGpu && (async () => {
  const own = await openOwnWebGpu!();
  return likeGpu(own.device, own.subgroups);
});
conformance("WebGPU in the shapes of a GPU", openLikeGpu, {
  sanitizeOps: false,
  sanitizeResources: false,
});

webGpuTest("rows with infinities and NaN are right without subgroups", async (_, shared) => {
  const device = new Device(likeGpu(shared.device, undefined));
  for (const row of specialTable) {
    assertEquals(await faultsOf(row, device, { subnormal: false }), []);
  }
});

webGpuTest("the subgroups of llvmpipe are found", (_, { facts, subgroups }) => {
  assert(!/llvmpipe/.test(facts.description) || subgroups?.largest === 8);
});
