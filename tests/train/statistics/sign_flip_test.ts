import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NumericError, OptionError } from "../../../core/errors.ts";
import { signFlip, smallestP } from "../../../train/statistics/sign_flip.ts";
import { numbers } from "../../support/differences.ts";

/** The p-value of whole numbers, by counting how many assignments give each sum. */
function counted(differences: readonly number[]): number {
  let counts = new Map([[0, 1]]);
  for (const difference of differences) {
    const next = new Map<number, number>();
    for (const [sum, count] of counts) {
      for (const moved of [sum - difference, sum + difference]) {
        next.set(moved, (next.get(moved) ?? 0) + count);
      }
    }
    counts = next;
  }
  const total = Math.abs(differences.reduce((a, b) => a + b, 0));
  const far = [...counts].filter(([sum]) => Math.abs(sum) >= total);
  return far.reduce((sum, [, count]) => sum + count, 0) / 2 ** differences.length;
}

const whole = (most: number) =>
  fc.array(fc.integer({ min: -20, max: 30 }), { minLength: 1, maxLength: most });

Deno.test("signFlip() is exact up to 32 differences, as counting sums has it", () =>
  fc.assert(
    fc.property(whole(20), (differences) => {
      // Tenths, whose sums round: ties of the whole numbers must stay ties.
      const found = signFlip(differences.map((x) => x / 10));
      assertEquals(found.exact, true);
      assertAlmostEquals(found.p, counted(differences), 1e-14);
    }),
    { numRuns: 300 },
  ));

Deno.test("signFlip() of 20 and of 32 whole numbers, by counting sums, in less than half a second", () => {
  for (const n of [20, 32]) {
    const differences = [...numbers(n, n, -10, 14)].map(Math.round);
    const started = performance.now();
    const { p, exact, assignments } = signFlip(differences);
    assert(performance.now() - started < 500);
    assertEquals([exact, assignments], [true, 2 ** n]);
    assertAlmostEquals(p, counted(differences), 1e-14);
    assert(p < 1);
  }
});

Deno.test("signFlip() heeds neither the order, nor the sign of all, nor the unit", () =>
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 60 }),
      (differences, power) => {
        const { p } = signFlip(differences);
        assertEquals(signFlip(differences.toReversed()).p, p);
        assertEquals(signFlip(differences.map((x) => -x)).p, p);
        assertEquals(signFlip(differences.map((x) => x * 2 ** power)).p, p);
        assertEquals(signFlip([...differences, 0]).p, p);
        assert(p >= smallestP(differences.length) && p <= 1);
      },
    ),
    { numRuns: 300 },
  ));

Deno.test("signFlip() falls as far as smallestP() where all differences have one sign", () => {
  for (const n of [1, 2, 5, 6, 20, 31]) {
    const differences = [...numbers(n, n, -3, -1)];
    assertEquals(signFlip(differences).p, smallestP(n));
  }
  assertEquals([0, 1, 2, 5, 6].map(smallestP), [1, 1, 0.5, 0.0625, 0.03125]);
});

Deno.test("signFlip() of none, of one and of two differences, and of zeros alone", () => {
  assertEquals(signFlip([]), { p: NaN, exact: true, assignments: 0 });
  assertEquals([[4], [0], [0, 0, 0], [1, -2], [0, 3]].map((d) => signFlip(d).p), [1, 1, 1, 1, 1]);
  assertEquals([signFlip([1, 2]).p, signFlip([1e308, 1e308]).p], [0.5, 0.5]);
});

Deno.test("signFlip() draws beyond 32 differences, near the exact value and by the seed alone", () => {
  const differences = [...numbers(4, 40, -8, 11)].map(Math.round);
  const exact = counted(differences);
  const found = signFlip(differences, { seed: 3 });
  assertEquals([found.exact, found.assignments], [false, 100_000]);
  // Four standard errors of a share of 99,999 draws.
  assertAlmostEquals(found.p, exact, 4 * Math.sqrt(exact * (1 - exact) / 99_999));
  assertEquals(signFlip(differences.toReversed(), { seed: 3 }), found);
  assert(signFlip(differences, { seed: 4 }).p !== found.p);
});

Deno.test("signFlip() by draws is never 0, and each sign has a bit of its own", () => {
  const same = Array.from({ length: 100 }, () => 1);
  assertEquals(signFlip(same, { draws: 999 }).p, 1 / 1000);
  // Of weights 1 at two places the sum is at least 2 in half of the draws, wherever they stand.
  for (const n of [33, 64, 65, 129]) {
    const two = Array.from({ length: n }, (_, i) => i < 2 ? 1 : 0);
    assertAlmostEquals(signFlip(two, { draws: 9999 }).p, 0.5, 0.02);
  }
  // The number of signs that agree has the deviation of independent ones, sqrt(n).
  const equal = Array.from({ length: 144 }, (_, i) => i < 84 ? 1 : -1);
  assertAlmostEquals(signFlip(equal, { draws: 49_999 }).p, counted(equal), 0.004);
});

Deno.test("signFlip() refuses what is not finite, and options that it cannot use", () => {
  for (const value of [NaN, -Infinity]) {
    assertThrows(() => signFlip([0, value]), NumericError, `found ${value} at index 1`);
  }
  const many = Array.from({ length: 33 }, () => 1);
  for (const draws of [0, 2.5, NaN]) {
    assertThrows(() => signFlip(many, { draws }), OptionError, `found ${draws}`);
  }
  assertThrows(() => signFlip(many, { seed: 0.5 }), OptionError, "found 0.5");
});
