import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import {
  type Curve,
  curveOf,
  downsampled,
  smoothed,
  smoothingSpan,
} from "../../../train/report/series.ts";

const curve = (values: readonly number[]): Curve => ({
  steps: values.map((_, i) => i + 1),
  values,
});

Deno.test("curveOf() has the lines that hold a number of that name", () => {
  const lines = [{ step: 1, a: 2 }, { step: 2 }, { step: 3, a: NaN }, { step: 4, a: 0 }];
  assertEquals(curveOf(lines, "a"), { steps: [1, 4], values: [2, 0] });
});

Deno.test("smoothed() is the weighted mean of all values so far, the latest weighing most", () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6];
  const found = smoothed(curve(values), 4).values;
  for (const last of values.keys()) {
    const weights = values.slice(0, last + 1).map((_, i) => 0.75 ** (last - i));
    const sum = weights.reduce((total, weight, i) => total + weight * values[i]!, 0);
    assertAlmostEquals(found[last]!, sum / weights.reduce((a, b) => a + b), 1e-12);
  }
  assertEquals([smoothingSpan(20), smoothingSpan(100_000)], [10, 2000]);
});

const lists = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 60 });

Deno.test("downsampled() keeps points of the curve, both ends among them, and no more than asked", () => {
  fc.assert(fc.property(lists, fc.integer({ min: 3, max: 20 }), (values, most) => {
    const { steps, values: kept } = downsampled(curve(values), most);
    assertEquals(kept, steps.map((step) => values[step - 1]!));
    assert(steps.every((step, i) => i === 0 || step > steps[i - 1]!));
    assertEquals(steps.length, Math.min(values.length, most));
    assertEquals([steps[0], steps.at(-1)], [1, values.length]);
  }));
});

Deno.test("downsampled() keeps a peak of a single step, wherever it lies", () => {
  for (let at = 1; at < 9_999; at += 97) {
    const values = new Array<number>(10_000).fill(1);
    values[at] = 50;
    assert(downsampled(curve(values), 100).values.includes(50), `${at}`);
  }
});

Deno.test("downsampled() follows a curve: between the kept points it is off by little", () => {
  const values = Array.from({ length: 20_000 }, (_, i) => Math.sin(i / 1000) + i / 10_000);
  const { steps, values: kept } = downsampled(curve(values), 500);
  for (let i = 1; i < steps.length; i++) {
    const [from, to] = [steps[i - 1]!, steps[i]!];
    for (let step = from; step <= to; step += 7) {
      const share = (step - from) / (to - from);
      const line = kept[i - 1]! + share * (kept[i]! - kept[i - 1]!);
      assertLessOrEqual(Math.abs(line - values[step - 1]!), 2e-3);
    }
  }
});
