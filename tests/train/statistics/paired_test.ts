import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { NumericError, OptionError, ShapeError } from "../../../core/errors.ts";
import { bcaInterval } from "../../../train/statistics/bootstrap.ts";
import { compare, pairedDifferences } from "../../../train/statistics/paired.ts";
import { seedsNeeded } from "../../../train/statistics/power.ts";
import { pairedTestPower } from "../../../train/statistics/student.ts";
import { sampleMean } from "../../../train/statistics/summary.ts";
import { numbers } from "../../support/differences.ts";

const scores = (entries: readonly (readonly [number, number])[]) => new Map(entries);

Deno.test("compare() pairs equal seeds in any order, and counts the others", () => {
  const method = scores([[3, 10], [1, 7], [2, 9], [9, 50]]);
  const baseline = scores([[8, 0], [1, 5], [7, 0], [3, 6], [2, 6]]);
  const { n, unpaired, difference, interval, p, smallestP } = compare(method, baseline, {
    seed: 2,
  });
  assertEquals([n, unpaired, difference, p, smallestP], [3, 3, 3, 0.25, 0.25]);
  assertEquals(interval, bcaInterval([2, 3, 4], sampleMean, { seed: 2 }));
  const opposite = compare(baseline, method);
  assertEquals([opposite.difference, opposite.p], [-3, 0.25]);
});

Deno.test("compare() without pairs knows nothing, with one no interval", () => {
  const unknown = { low: NaN, high: NaN };
  const none = compare(scores([[1, 2]]), scores([[2, 2]]));
  const rest = { difference: NaN, interval: unknown, p: NaN, smallestP: 1 };
  assertEquals(none, { n: 0, unpaired: 2, ...rest });
  const one = compare(scores([[1, 2]]), scores([[1, 1.5]]));
  assertEquals(one, { n: 1, unpaired: 0, ...rest, difference: 0.5, p: 1 });
});

Deno.test("compare() of more pairs than are counted says what its draws can give", () => {
  const list = (low: number) => scores([...numbers(1, 40, low, low + 1)].map((x, i) => [i, x]));
  const { p, smallestP } = compare(list(5), list(1), { resamples: 100 });
  assertEquals([p, smallestP], [1e-5, 1e-5]);
});

Deno.test("compare() refuses scores of pairs that are not finite, not those without a partner", () => {
  const bad = scores([[1, NaN], [2, 1]]);
  assertThrows(() => compare(bad, scores([[1, 1], [2, 2]])), NumericError, "found NaN at index 0");
  assertEquals(compare(bad, scores([[2, 2]])).difference, -1);
});

Deno.test("pairedDifferences() refuses lists of unequal length", () => {
  assertEquals([pairedDifferences([3, 1], [1, 2]), pairedDifferences([], [])], [[2, -1], []]);
  assertThrows(() => pairedDifferences([1, 2], [1]), ShapeError, "found 2 and 1");
});

Deno.test("seedsNeeded() is the least number with the power, and counts what holm() costs", () => {
  const differences = [0.1, 0.9, -0.4, 1.2, 0.5];
  const needed = seedsNeeded(differences)!;
  const effect = sampleMean(differences) / Math.sqrt(1.612 / 4);
  assert(pairedTestPower(effect, needed, 0.05) >= 0.8);
  assert(pairedTestPower(effect, needed - 1, 0.05) < 0.8);
  assertEquals(seedsNeeded(differences.map((x) => -7 * x)), needed);
  assert(seedsNeeded(differences, { comparisons: 8 })! > needed);
  assert(seedsNeeded(differences, { power: 0.95 })! > needed);
  assert(seedsNeeded(differences, { level: 0.9 })! < needed);
});

Deno.test("seedsNeeded() asks for no fewer seeds than the exact test does", () => {
  assertEquals(seedsNeeded([1, 1, 1]), 6);
  assertEquals(seedsNeeded([1, 1.001, 0.999], { comparisons: 10 }), 9);
});

Deno.test("seedsNeeded() is undefined where nothing is known of the size or it is too small", () => {
  for (const differences of [[], [3], [0, 0, 0], [1, -1], [1, -1 + 1e-12]]) {
    assertEquals(seedsNeeded(differences), undefined);
  }
});

Deno.test("seedsNeeded() refuses what it cannot use", () => {
  assertThrows(() => seedsNeeded([1, NaN]), NumericError, "found NaN at index 1");
  for (const share of [0.05, 1, NaN]) {
    assertThrows(() => seedsNeeded([1, 2], { level: share }), OptionError, `level from 0.5`);
    assertThrows(() => seedsNeeded([1, 2], { power: share }), OptionError, `found ${share}`);
  }
  for (const comparisons of [0, 1.5]) {
    assertThrows(() => seedsNeeded([1, 2], { comparisons }), OptionError, `found ${comparisons}`);
  }
});

Deno.test("pairedTestPower() of one difference is NaN, without an effect alpha", () => {
  assertEquals(pairedTestPower(1, 1, 0.05), NaN);
  for (const n of [2, 5, 1000]) assertAlmostEquals(pairedTestPower(0, n, 0.01), 0.01, 1e-12);
  assertEquals(pairedTestPower(-0.7, 9, 0.05), pairedTestPower(0.7, 9, 0.05));
  assertEquals(pairedTestPower(Infinity, 6, 0.05), 1);
});
