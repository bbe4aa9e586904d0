// Rows of bf16 so many that eight columns are taken at once, and columns that are left over.
import { assert, assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import type { Device } from "../../../core/device.ts";
import { input, rowMax, rowSum } from "../../../core/expr.ts";
import { rowwise } from "../../../core/ops/rowwise.ts";
import { slice } from "../../../core/ops/slice.ts";
import { type Tensor, tensor } from "../../../core/tensor.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { floatOf, toBfloat } from "../../support/ptx/arithmetic.ts";

const [x, y] = [input(0, "f32", 3), input(1, "f32", 3)];
const map = rowwise("map", ["f32", "f32"], [x.sub(y), x.mul(y)]);
const reduce = rowwise("reduce", ["f32", "f32"], [x.sub(rowMax(y)), rowSum(x), rowMax(x)]);

/** Whole numbers from -63 to 64, which bf16 holds, as do their sums below 257. */
function numbers(rows: number, columns: number): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, i) => (Math.imul(i, 0x9e3779b1) >>> 25) - 63,
  );
}

/** The numbers in bf16, or in 32 bits, in rows that may be longer than what is seen of them. */
function held(device: Device, data: Float32Array, columns: number, pitch: number, half: boolean) {
  const rows = data.length / columns;
  const wide = new Float32Array(rows * pitch);
  for (let r = 0; r < rows; r++) {
    wide.set(data.subarray(r * columns, (r + 1) * columns), r * pitch);
  }
  const all = half
    ? tensor(device, Uint16Array.from(wide, toBfloat), [rows, pitch], "bf16")
    : tensor(device, wide, [rows, pitch]);
  return slice(all, 1, 0, columns);
}

const rounded = (value: number) => floatOf(toBfloat(value) << 16);

async function check([t, expected]: readonly [Tensor, (i: number) => number], what: string) {
  const actual = await t.read();
  const wrong = actual.findIndex((value, i) => value !== expected(i));
  assertEquals(wrong, -1, `${what}: ${actual[wrong]} for ${expected(wrong)}`);
}

/** Rows, columns, elements from row to row, and how each text takes its columns. */
const cases: readonly (readonly [number, number, number, RegExp, RegExp])[] = [
  [1024, 1032, 1032, /map\/128\/bf16,[^/]*\/8\/1,1/, /block\/160\/bf16,[^/]*\/8\/1,1/],
  [4200, 256, 256, /map\/128\/bf16,[^/]*\/8\/1,1/, /warp\/128\/bf16,[^/]*\/8\/1,1/],
  [1024, 1028, 1032, /map\/128\/bf16,[^/]*\/4\/1,1/, /block\/160\/bf16,[^/]*\/8\+\/1,1/],
  [1024, 1028, 1028, /map\/128\/bf16,[^/]*\/4\/1,1/, /block\/288\/bf16,[^/]*\/4\/1,1/],
  [1024, 1029, 1032, /map\/128\/bf16,[^/]*\/1\/0,0/, /block\/160\/bf16,[^/]*\/8\+\/1,1/],
  [3, 1029, 1032, /map\/128\/bf16,[^/]*\/1\/0,0/, /block\/288\/bf16,[^/]*\/4\+\/1,1/],
  [3, 1029, 1029, /map\/128\/bf16,[^/]*\/1\/0,0/, /block\/512\/bf16,[^/]*\/1\/0,0/],
  [64, 40, 40, /map\/128\/bf16,[^/]*\/4\/1,1/, /warp\/128\/bf16,[^/]*\/4\/1,1/],
];

for (const [rows, columns, pitch, mapped, reduced] of cases) {
  Deno.test(`bf16 of ${rows} x ${columns} in rows of ${pitch} is computed to the last bit`, async () => {
    await withInterpreted({ precision: "bf16" }, async (device, { texts }) => {
      const [p, q] = [numbers(rows, columns), numbers(rows + 1, columns).subarray(columns)];
      const a = held(device, p, columns, pitch, true);
      // Halves beside floats.
      for (const half of [true, false]) {
        const b = held(device, q, columns, pitch, half);
        const [difference, product] = apply(map, [a, b], {});
        await check([difference!, (i) => p[i]! - q[i]!], `difference, ${half}`);
        await check([product!, (i) => rounded(p[i]! * q[i]!)], `product, ${half}`);
        const [shifted, sums, most] = apply(reduce, [a, b], {});
        const rowOf = (list: Float32Array, r: number) =>
          list.subarray(r * columns, (r + 1) * columns);
        const largest = Float32Array.from({ length: rows }, (_, r) => Math.max(...rowOf(q, r)));
        await check(
          [shifted!, (i) => p[i]! - largest[Math.floor(i / columns)]!],
          `shifted, ${half}`,
        );
        await check([sums!, (r) => rowOf(p, r).reduce((s, v) => s + v, 0)], `sums, ${half}`);
        await check([most!, (r) => Math.max(...rowOf(p, r))], `most, ${half}`);
      }
      const keys = texts.map((text) => text.slice(0, text.indexOf("\n")));
      for (const shape of [mapped, reduced]) {
        assert(keys.some((key) => shape.test(key)), `${shape} of ${keys}`);
      }
    });
  });
}
