import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NumericError } from "../../../core/errors.ts";
import { expectedMaximum } from "../../../train/statistics/expected_maximum.ts";
import {
  improvementInterval,
  meanImprovement,
  probabilityOfImprovement,
} from "../../../train/statistics/improvement.ts";
import { sampleMean } from "../../../train/statistics/summary.ts";

const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 });

Deno.test("probabilityOfImprovement() counts all pairs, ties one half", () =>
  fc.assert(fc.property(scores, scores, (method, baseline) => {
    const pairs = method.flatMap((x) => baseline.map((y) => x > y ? 1 : x === y ? 0.5 : 0));
    const found = probabilityOfImprovement({ method, baseline });
    assertAlmostEquals(found, sampleMean(pairs), 1e-14);
    const opposite = probabilityOfImprovement({ method: baseline, baseline: method });
    assertAlmostEquals(found + opposite, 1, 1e-14);
  })));

Deno.test("probabilityOfImprovement() without runs is NaN, and refuses NaN", () => {
  assertEquals(probabilityOfImprovement({ method: [], baseline: [1] }), NaN);
  assertEquals(probabilityOfImprovement({ method: [1], baseline: [] }), NaN);
  assertEquals([meanImprovement([]), meanImprovement([{ method: [], baseline: [] }])], [NaN, NaN]);
  for (const [method, baseline] of [[[NaN], [1]], [[1], [NaN]]] as const) {
    assertThrows(() => probabilityOfImprovement({ method, baseline }), NumericError, "found NaN");
  }
});

Deno.test("improvementInterval() is a point where methods never overlap, and NaN of single runs", () => {
  const apart = { method: [5, 6, 7], baseline: [1, 2] };
  assertEquals(improvementInterval([apart, apart]), { low: 1, high: 1 });
  const mixed = { method: [1, 4, 6, 3], baseline: [2, 5, 3, 4] };
  const { low, high } = improvementInterval([apart, mixed]);
  const mean = meanImprovement([apart, mixed]);
  assert(low >= 0.5 && low < mean && mean < high && high <= 1, `${low} to ${high}`);
  const unknown = { low: NaN, high: NaN };
  assertEquals(improvementInterval([]), unknown);
  assertEquals(improvementInterval([apart, { method: [1], baseline: [2, 3] }]), unknown);
});

Deno.test("expectedMaximum() begins at the mean and rises towards the best", () =>
  fc.assert(fc.property(scores, fc.boolean(), (values, isHigherBetter) => {
    const found = expectedMaximum(values, isHigherBetter);
    const sign = isHigherBetter ? 1 : -1;
    assertEquals(found.length, values.length);
    assertAlmostEquals(found[0]!, sampleMean(values), 1e-12);
    const best = sign * Math.max(...values.map((x) => sign * x));
    for (const [k, value] of found.entries()) {
      assert(sign * value <= sign * best + 1e-12);
      if (k > 0) assert(sign * value >= sign * found[k - 1]! - 1e-12);
    }
    const mirrored = expectedMaximum(values.map((x) => -x), !isHigherBetter);
    mirrored.forEach((value, k) => assertAlmostEquals(value, -found[k]!, 1e-12));
  })));

Deno.test("expectedMaximum() of none, of one, and of what is not finite", () => {
  assertEquals([expectedMaximum([], true), expectedMaximum([3], false)], [[], [3]]);
  assertThrows(
    () => expectedMaximum([1, Infinity], true),
    NumericError,
    "found Infinity at index 1",
  );
});
