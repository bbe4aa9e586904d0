// Tensors beyond one binding: programs run piece by piece.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { DeviceError } from "../../../core/errors.ts";
import { index, multiplyWords, shiftRight, toFloat, word } from "../../../core/expr.ts";
import { gradient } from "../../../core/gradient.ts";
import { add, scale, square } from "../../../core/ops/elementwise.ts";
import { gather, scatterAdd } from "../../../core/ops/gather.ts";
import { matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { sum } from "../../../core/ops/reduce.ts";
import { rowwise, sumRow } from "../../../core/ops/rowwise.ts";
import { slice } from "../../../core/ops/slice.ts";
import { flip, reshape, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { Device } from "../../../core/device.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { WebGpuBackend } from "../../../kernels/webgpu/backend.ts";
import { usualPolicy } from "../../../kernels/webgpu/product/matmul_policy.ts";
import { assertClose, resultsOf } from "../../support/op_results.ts";
import { opTable } from "../../support/op_table.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";

/**
 * A backend on a device of its own whose bindings have the finest offsets that the adapter has, and
 * the families of the programs that it ran in more than one piece.
 */
async function narrow(limit: (alignment: number) => number, software: boolean) {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const { minStorageBufferOffsetAlignment, maxStorageBuffersPerShaderStage } = adapter.limits;
  const requiredLimits = { minStorageBufferOffsetAlignment, maxStorageBuffersPerShaderStage };
  const device = await adapter.requestDevice({ requiredLimits });
  const facts = { description: "narrow", software };
  const bytes = limit(minStorageBufferOffsetAlignment);
  const backend = new WebGpuBackend(device, facts, usualPolicy, {
    maxStorageBufferBindingSize: bytes,
  });
  await backend.prepare();
  const divided = new Set<string>();
  const run = backend.run.bind(backend);
  backend.run = (program, binding) => {
    const before = backend.dispatches;
    run(program, binding);
    if (backend.dispatches - before > 1) divided.add(program.family);
  };
  return { backend, divided };
}

const floats = (device: Device, seed: number, ...shape: number[]) =>
  tensor(device, uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5)), shape);

for (const software of [true, false]) {
  const name = software ? "of a software adapter" : "of a GPU";
  webGpuTest(
    `every operation is the same through windows of 64 bytes, kernels ${name}`,
    async () => {
      const { backend, divided } = await narrow(
        (alignment) => Math.max(64, 2 * alignment),
        software,
      );
      for (const row of opTable) {
        const actual = await resultsOf(row, new Device(backend));
        await withDevice("f64", async (oracle) => {
          assertClose(actual, await resultsOf(row, oracle), row.name);
        });
      }
      assert(divided.has("row") && divided.has("matmul"));
      await backend[Symbol.asyncDispose]();
    },
  );
}

/** Products, rows by index and their gradients on views of all kinds. */
async function views(device: Device): Promise<number[][]> {
  using _scope = device.scope("views");
  const leaves = [
    floats(device, 1, 90, 33),
    floats(device, 2, 2, 40, 70),
    floats(device, 3, 70, 50),
    floats(device, 4, 50),
  ] as const;
  const [table, a, b, c] = leaves;
  const ids = tensor(device, Array.from({ length: 60 }, (_, i) => i * 37 % 45), [60], "u32");
  const { result, gradients } = gradient(() => {
    const rows = gather(flip(slice(table, 0, 7, 60), 0), ids);
    const added = scatterAdd(square(rows), ids, 64);
    const turned = matmulAdd(a, b, c);
    const product = matmul(transpose(turned), slice(flip(a, 2), 2, 3, 60));
    const total = (x: Tensor) => sum(sumRow(square(x)));
    return { loss: add(total(added), total(product)), rows, added, turned, product };
  }, leaves);
  const { rows, added, turned, product } = result;
  const read = [rows, added, turned, product, ...gradients.map((g) => g!)];
  return await Promise.all(read.map(async (t) => [...await t.read()]));
}

webGpuTest("products and rows by index are the same through windows of 1 KiB", async () => {
  const { backend, divided } = await narrow(() => 1024, false);
  const actual = await views(new Device(backend));
  await withDevice("f64", async (oracle) => assertClose(actual, await views(oracle), "views"));
  assertEquals([...divided].sort(), ["gather", "matmul", "row", "scatterAdd"]);
  await backend[Symbol.asyncDispose]();
});

webGpuTest(
  "a row beyond one binding is refused, where its elements are reduced together",
  async () => {
    const { backend } = await narrow(() => 1024, true);
    const device = new Device(backend);
    {
      using _scope = device.scope("refused");
      const x = floats(device, 1, 2, 400);
      assertThrows(() => sumRow(x), DeviceError, "Cannot run a row program over 1600 bytes");
      assertEquals((await sumRow(reshape(x, [8, 100])).read()).length, 8);
    }
    await backend[Symbol.asyncDispose]();
  },
);

// Numbers without a pattern that the host and the device make alike: bits of 2654435761 i^2.
const square32 = multiplyWords(index(0, 3), index(0, 3));
const numbers = rowwise("numbers", [], [
  toFloat(shiftRight(multiplyWords(square32, word(2654435761)), 8)).mul(2 ** -24).sub(0.5),
]);
const numberAt = (i: number) => {
  return (Math.imul(Math.imul(i, i), 2654435761) >>> 8) * 2 ** -24 - 0.5;
};

// 154 MB: llvmpipe binds 128 MiB. The loss is the sum of the squares of z = E h, h = 0.1 E[token].
webGpuTest("an embedding of 50,257 x 768 is a table and a tied head", async (device, backend) => {
  const [height, width] = [50257, 768];
  const { dispatches } = backend;
  const { runs } = backend.statistics;
  const indices = [{ offset: 0, strides: [width, 1] }];
  const table = apply(numbers, [], { space: [height, width], indices }, device)[0]!;
  const tokens = [50256, 25128];
  const looked = [...tokens, 0, 43690, 43691, 25129];
  const few = tensor(device, looked, [looked.length], "u32");
  const { gradients } = gradient(() => {
    const hidden = scale(gather(table, tensor(device, tokens, [2], "u32")), 0.1);
    return sum(sumRow(square(matmul(hidden, transpose(table)))));
  }, [table]);
  const host = (row: number) => Array.from({ length: width }, (_, j) => numberAt(row * width + j));
  assertEquals([...await gather(table, few).read()], looked.flatMap(host));

  // dE[v] = sum over tokens of 2 z[v] h, and for a token's own row 0.1 (2 E^T z).
  const hidden = tokens.map((id) => host(id).map((x) => 0.1 * x));
  const expected = looked.map(() => new Array<number>(width).fill(0));
  for (let v = 0; v < height; v++) {
    const row = host(v);
    hidden.forEach((h, t) => {
      const z = h.reduce((total, x, j) => total + x * row[j]!, 0);
      for (let j = 0; j < width; j++) expected[t]![j]! += 0.2 * z * row[j]!;
      looked.forEach((id, k) => {
        if (id === v) h.forEach((x, j) => expected[k]![j]! += 2 * z * x);
      });
    });
  }
  const actual = [...await gather(gradients[0]!, few).read()];
  const rows = looked.map((_, k) => actual.slice(k * width, (k + 1) * width));
  assertClose(rows, expected, "gradient of the table");
  if (backend.limits.maxStorageBufferBindingSize < 4 * height * width) {
    assert(backend.dispatches - dispatches > backend.statistics.runs - runs + 8);
  }
});
