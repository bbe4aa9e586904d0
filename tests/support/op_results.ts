// What an operation of the table gives on a device, to compare devices.
import { assert } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { gradient } from "../../core/gradient.ts";
import { mul } from "../../core/ops/elementwise.ts";
import { sum } from "../../core/ops/reduce.ts";
import { sumRow } from "../../core/ops/rowwise.ts";
import { reshape } from "../../core/ops/view.ts";
import { seedKey, uniform } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { tensor } from "../../core/tensor.ts";
import type { OpRow } from "./op_row.ts";
import { floatOf, toBfloat } from "./ptx/arithmetic.ts";

/** Several tensors' elements. */
export type Results = readonly (readonly number[])[];

/** How the inputs of a row are held: floats, floats rounded to bf16, or bf16. */
export type Held = "floats" | "rounded" | "bf16";

/** The result and every gradient of a row of the table. */
export async function resultsOf(
  row: OpRow,
  device: Device,
  held: Held = "floats",
): Promise<Results> {
  using _scope = device.scope("run");
  const [low, high] = row.range ?? [-2, 2];
  const inputs = row.shapes.map((shape, i) => {
    const data = uniform(seedKey(70 + i), sizeOf(shape)).map((u) => low + u * (high - low));
    if (held === "floats") return tensor(device, data.map(Math.fround), shape);
    const bits = data.map(toBfloat);
    return held === "bf16"
      ? tensor(device, bits, shape, "bf16")
      : tensor(device, bits.map((word) => floatOf(word << 16)), shape);
  });
  const { result, gradients } = gradient(() => {
    const y = row.run(device, inputs);
    const weights = uniform(seedKey(3), sizeOf(y.shape)).map((u) => Math.fround(u - 0.5));
    let total = mul(y, tensor(device, weights, y.shape));
    // Axis by axis: adapters may have to see few numbers at a time.
    while (total.shape.length > 1) total = reshape(sumRow(total), total.shape.slice(0, -1));
    return { loss: sum(total), y };
  }, inputs);
  const read = [result.y, ...gradients.map((g) => g!)];
  return await Promise.all(read.map(async (t) => [...await t.read()]));
}

/** Asserts that each tensor is within 1e-6 + 1e-5 of its largest element of what is expected. */
export function assertClose(actual: Results, expected: Results, what: string): void {
  expected.forEach((values, r) => {
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    values.forEach((x, i) => {
      const error = Math.abs(actual[r]![i]! - x);
      assert(error <= 1e-6 + 1e-5 * largest, `${what}, ${r}[${i}]: ${actual[r]![i]} for ${x}`);
    });
  });
}

/**
 * Asserts the same of results that are stored in bf16: each may also be off by half of its last bit.
 *
 * @param through Largest number that a result is made of by addition, where that was rounded before
 */
export function assertRounded(
  actual: Results,
  expected: Results,
  what: string,
  through = 0,
): void {
  expected.forEach((values, r) => {
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    values.forEach((x, i) => {
      const error = Math.abs(actual[r]![i]! - x);
      const allowed = 1e-6 + 1e-5 * largest + 2 ** -8 * (Math.abs(x) + through);
      assert(error <= allowed, `${what}, ${r}[${i}]: ${actual[r]![i]} for ${x}`);
    });
  });
}

/** Requires equal numbers, and else says how many differ and the first of them. */
export function assertSame(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
): void {
  assert(actual.length === expected.length, `${what}: ${actual.length} for ${expected.length}`);
  const different = Array.from({ length: expected.length }, (_, i) => i)
    .filter((i) => !Object.is(actual[i], expected[i]));
  const [first] = different;
  assert(
    first === undefined,
    `${what}: ${different.length} of ${expected.length} differ, the first one [${first}]: ` +
      `${actual[first!]} for ${expected[first!]}`,
  );
}
