import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { holm } from "../../../train/statistics/holm.ts";

const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

Deno.test("holm() keeps the order of p-values, lowers none and stays at most 1", () =>
  fc.assert(fc.property(shares, (pValues) => {
    const adjusted = holm(pValues);
    for (const [i, p] of pValues.entries()) {
      assert(adjusted[i]! >= p && adjusted[i]! <= 1);
      for (const [j, q] of pValues.entries()) if (p <= q) assert(adjusted[i]! <= adjusted[j]!);
    }
  })));

Deno.test("holm() finds what the step-down procedure finds, at every level", () =>
  fc.assert(
    fc.property(shares, fc.double({ min: 0.001, max: 0.5, noNaN: true }), (pValues, alpha) => {
      const rising = pValues.toSorted((a, b) => a - b);
      const stop = rising.findIndex((p, rank) => (rising.length - rank) * p > alpha);
      const found = stop < 0 ? rising.length : stop;
      assertEquals(holm(pValues).filter((p) => p <= alpha).length, found);
    }),
  ));

Deno.test("holm() keeps NaN and does not count it; none and one need no care", () => {
  assertEquals(holm([0.02, NaN, 0.01, NaN]), [0.02, NaN, 0.02, NaN]);
  assertEquals([holm([]), holm([0.3]), holm([NaN])], [[], [0.3], [NaN]]);
  assertEquals(holm([0.25, 0.25, 0.25]), [0.75, 0.75, 0.75]);
});

Deno.test("holm() refuses what is no p-value", () => {
  for (const p of [-0.1, 1.01, Infinity]) {
    assertThrows(() => holm([0.5, p]), OptionError, `found ${p}`);
  }
});
