// Row programs in every shape: map, serial, warp and block, each with elements met one by one and by
// fours.
import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { Device } from "../../../core/device.ts";
import { input, rowMax, rowSum } from "../../../core/expr.ts";
import { rowwise, sumRow } from "../../../core/ops/rowwise.ts";
import { softmax } from "../../../core/ops/softmax.ts";
import { slice } from "../../../core/ops/slice.ts";
import { expand } from "../../../core/ops/rowwise.ts";
import { flip, permute, transpose } from "../../../core/ops/view.ts";
import { seedKey, uniform } from "../../../core/random.ts";
import { sizeOf } from "../../../core/shape.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { openCpu } from "../../../kernels/cpu/backend.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { assertClose, assertSame } from "../../support/op_results.ts";

const [x, y] = [input(0, "f32", 3), input(1, "f32", 3)];
// Two passes, the first with two reductions, the second with one; outputs by row and by column.
const centred = x.sub(rowSum(x).mul(1 / 64));
const program = rowwise("program", ["f32", "f32"], [
  centred.mul(rowMax(x.mul(y))),
  rowSum(centred.mul(centred)),
  y.add(x),
]);
const map = rowwise("map", ["f32", "f32"], [x.mul(y).add(1), x.sub(y)]);

function make(device: Device, seed: number, ...shape: number[]): Tensor {
  const data = uniform(seedKey(seed), sizeOf(shape)).map((u) => Math.fround(u - 0.5));
  return tensor(device, data, shape);
}

/** Results on rows of a length: contiguous and not, aligned and not. */
async function rowsOf(device: Device, rows: number, columns: number): Promise<number[][]> {
  using _scope = device.scope("rows");
  const longer = make(device, 1, rows, columns + 4);
  const pairs: (readonly [Tensor, Tensor])[] = [
    [make(device, 2, rows, columns), make(device, 3, rows, columns)],
    [slice(longer, 1, 4, columns + 4), slice(longer, 1, 1, columns + 1)],
    [transpose(make(device, 4, columns, rows)), make(device, 5, columns)],
    [flip(make(device, 6, rows, columns), 1), make(device, 7, rows, 1)],
  ];
  const results = pairs.flatMap((pair) => [...apply(program, pair, {}), ...apply(map, pair, {})]);
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

/** Lengths, and a shape that a text of theirs must have: kind, threads, columns at a time, who
 * has them so. */
const lengths: readonly (readonly [rows: number, columns: number, shapes: readonly RegExp[]])[] = [
  [5, 1, [/serial\/128/, /map\/128/]],
  [70, 16, [/serial\/128\/[^/]*\/[^/]*\/0,0,0/, /map\/128\/[^/]*\/[^/]*\/1/]],
  [70, 20, [
    /warp\/128\/[^/]*\/[^/]*\/1,1/,
    /warp\/128\/[^/]*\/[^/]*\/1,0/,
    /warp\/128\/[^/]*\/[^/]*\/0,1/,
  ]],
  [9, 31, [/warp\/128\/[^/]*\/[^/]*\/0,0,0/]],
  [9, 63, [/block\/64\/[^/]*\/[^/]*\/0,0,0/]],
  [5, 260, [/block\/96\/[^/]*\/[^/]*\/1,1/, /block\/96\/[^/]*\/[^/]*\/1,0/]],
  [4200, 36, [/warp\/128/, /map\/128/]],
  [3, 5000, [/block\/512\/[^/]*\/[^/]*\/1,1/, /block\/512\/[^/]*\/[^/]*\/0,1/]],
  [3, 5001, [/block\/512\/[^/]*\/[^/]*\/0,0,0/, /map\/128\/[^/]*\/[^/]*\/0,0/]],
];

for (const [rows, columns, shapes] of lengths) {
  Deno.test(`rows of ${rows} x ${columns} agree with f64`, async () => {
    await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
    const expected = await rowsOf(oracle, rows, columns);
    await withInterpreted({}, async (device, { texts }) => {
      assertClose(await rowsOf(device, rows, columns), expected, `${rows} x ${columns}`);
      const keys = texts.map((text) => text.slice(0, text.indexOf("\n")));
      for (const shape of shapes) {
        assert(keys.some((key) => shape.test(key)), `${shape} of ${keys}`);
      }
    });
  });
}

/** Columns that lie apart in memory, of rows enough for a thread each. */
async function across(device: Device): Promise<number[][]> {
  using _scope = device.scope("across");
  const turned = transpose(make(device, 1, 20, 4100));
  const results = [softmax(turned), sumRow(turned), ...apply(program, [turned, turned], {})];
  return await Promise.all(results.map(async (t) => [...await t.read()]));
}

Deno.test("long columns and spaces of four axes agree with f64", async () => {
  await using oracle = new Device(openCpu({ kernels: "javascript" }), "f64");
  const spaces = async (device: Device) => {
    using _scope = device.scope("spaces");
    const turned = permute(make(device, 1, 3, 4, 5, 8), [2, 0, 1, 3]);
    const repeated = expand(make(device, 2, 5, 1, 4, 1), [5, 3, 4, 8]);
    const narrow = permute(make(device, 3, 8, 3, 4, 5), [3, 1, 2, 0]);
    const pairs = [[turned, repeated], [turned, narrow], [narrow, repeated]] as const;
    const results = pairs.flatMap((pair) => [...apply(map, pair, {}), ...apply(program, pair, {})]);
    return await Promise.all(results.map(async (t) => [...await t.read()]));
  };
  await withInterpreted({}, async (device) => {
    assertClose(await across(device), await across(oracle), "across");
    assertClose(await spaces(device), await spaces(oracle), "spaces");
  });
});

Deno.test("sums of a row have the same bits in every run and whatever rows are beside it", async () => {
  await withInterpreted({}, async (device) => {
    const rows = make(device, 1, 6, 5000);
    const all = [...await sumRow(rows).read()];
    assertSame([...await sumRow(rows).read()], all, "again");
    for (let i = 0; i < 6; i++) {
      assertEquals([...await sumRow(slice(rows, 0, i, i + 1)).read()], [all[i]!]);
    }
  });
});
