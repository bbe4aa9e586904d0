import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { NumericError, OptionError } from "../../../core/errors.ts";
import { normalCdf, normalQuantile } from "../../../train/statistics/normal.ts";
import { bcaEnds, bcaInterval, stratifiedBootstrap } from "../../../train/statistics/bootstrap.ts";
import { bootstrapDistribution } from "../../../train/statistics/resample.ts";
import { median, quantile, sampleMean, sd } from "../../../train/statistics/summary.ts";
import { numbers } from "../../support/differences.ts";

const unknown = { low: NaN, high: NaN };
const options = { resamples: 400 };

Deno.test("bcaInterval() of fewer than two values is NaN, of equal ones the value", () => {
  assertEquals([bcaInterval([], sampleMean), bcaInterval([5], sampleMean)], [unknown, unknown]);
  for (const value of [0, 0.1, -1e-300, 1e300]) {
    const equal = Array.from({ length: 5 }, () => value);
    assertEquals(bcaInterval(equal, median, options), { low: value, high: value });
  }
});

Deno.test("bcaInterval() of two values is finite and between them", () => {
  const { low, high } = bcaInterval([1, 3], sampleMean);
  assertEquals([low, high], [1, 3]);
});

Deno.test("bcaInterval() depends on the seed, not on the order of the values", () => {
  const values = [...numbers(2, 9)];
  const found = bcaInterval(values, sampleMean, { seed: 7 });
  assertEquals(bcaInterval(values.toReversed(), sampleMean, { seed: 7 }), found);
  assert(bcaInterval(values, sampleMean, { seed: 8 }).low !== found.low);
});

Deno.test("bcaInterval() moves and stretches with its values, ties of means included", () =>
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 2, maxLength: 9 }),
      fc.integer({ min: 0, max: 1000 }),
      (values, seed) => {
        const found = bcaInterval(values, sampleMean, { ...options, seed });
        const moved = bcaInterval(values.map((x) => 3 + x / 277), sampleMean, { ...options, seed });
        assertAlmostEquals(moved.low, 3 + found.low / 277, 1e-12);
        assertAlmostEquals(moved.high, 3 + found.high / 277, 1e-12);
        assert(Math.min(...values) <= found.low && found.high <= Math.max(...values));
      },
    ),
    { numRuns: 200 },
  ));

Deno.test("bcaInterval() widens with its level", () => {
  const values = [...numbers(3, 12)];
  const ends = [0.5, 0.8, 0.95, 0.99].map((level) => bcaInterval(values, sampleMean, { level }));
  for (const [i, { low, high }] of ends.entries()) {
    if (i > 0) assert(low < ends[i - 1]!.low && high > ends[i - 1]!.high);
  }
});

Deno.test("bcaEnds() takes plain quantiles where there is no bias and no acceleration", () => {
  const distribution = Array.from({ length: 1001 }, (_, i) => i / 1000);
  const { low, high } = bcaEnds({ distribution, value: 0.5, jackknife: [1, 2, 3] }, 0.9);
  assertAlmostEquals(low, 0.05, 1e-12);
  assertAlmostEquals(high, 0.95, 1e-12);
  assertEquals(bcaEnds({ distribution, value: 0.5, jackknife: [2, 2, 2] }, 0.9).low, low);
  // Their mean rounds to another number.
  const tenths = [0.1, 0.1, 0.1];
  assertEquals(bcaEnds({ distribution, value: 0.5, jackknife: tenths }, 0.9).low, low);
});

Deno.test("bcaEnds() counts ties of the value as half below it", () => {
  const distribution = [1, 2, 2, 2, 2, 2, 2, 2, 2, 3];
  const { low, high } = bcaEnds({ distribution, value: 2, jackknife: [1, 3] }, 0.95);
  assertAlmostEquals(low, quantile(distribution, 0.025), 1e-12);
  assertAlmostEquals(high, quantile(distribution, 0.975), 1e-12);
});

Deno.test("bcaEnds() of a value beyond all resamples counts half a resample, and stays finite", () => {
  const distribution = Array.from({ length: 100 }, (_, i) => i);
  for (const [value, sign] of [[-5, -1], [500, 1]] as const) {
    const bias = sign * -normalQuantile(0.5 / 100);
    const { low, high } = bcaEnds({ distribution, value, jackknife: [1, 3] });
    const z = 1.959963984540054;
    assertAlmostEquals(low, quantile(distribution, normalCdf(2 * bias - z)), 1e-9);
    assertAlmostEquals(high, quantile(distribution, normalCdf(2 * bias + z)), 1e-9);
  }
});

Deno.test("bcaEnds() takes the limit where the acceleration has gone past its pole", () => {
  // One value alone far off: the acceleration is nearly 1/6.
  const skewed = Array.from({ length: 100_000 }, (_, i) => i === 0 ? 1 : 0);
  const distribution = Array.from({ length: 200_000 }, (_, i) => i);
  // z0 = 4.56 and z = 1.96 are above 6 together.
  assertEquals(
    bcaEnds({ distribution, value: 1e9, jackknife: skewed.map((x) => -x) }).high,
    199_999,
  );
  assertEquals(bcaEnds({ distribution, value: -1, jackknife: skewed }).low, 0);
});

Deno.test("bcaInterval() refuses values, statistics and options that it cannot use", () => {
  const refuses = (
    run: () => unknown,
    error: typeof NumericError | typeof OptionError,
    text: string,
  ) => assertThrows(run, error, text);
  for (const value of [NaN, Infinity]) {
    refuses(() => bcaInterval([1, value], sampleMean), NumericError, `found ${value} at index 1`);
  }
  refuses(() => bcaInterval([1, 2], sd), NumericError, "found NaN for all values but one");
  const inverse = (values: readonly number[]) => 1 / (sampleMean(values) - 1);
  refuses(() => bcaInterval([1, 2, 3], inverse), NumericError, "found Infinity for a resample");
  for (const level of [0, 0.05, 1, NaN]) {
    refuses(() => bcaInterval([], sampleMean, { level }), OptionError, `found ${level}`);
    refuses(() => stratifiedBootstrap([], () => 0, { level }), OptionError, `found ${level}`);
  }
  for (const resamples of [0, 1.5, NaN, 2 ** 33]) {
    refuses(
      () => bcaInterval([1, 2], sampleMean, { resamples }),
      OptionError,
      `found ${resamples}`,
    );
  }
  refuses(() => bcaInterval([1, 2], sampleMean, { seed: -1 }), OptionError, "found -1");
});

Deno.test("bootstrapDistribution() draws each value equally often, each position for itself", () => {
  const counts = new Map<string, number>();
  bootstrapDistribution([[0, 1, 2]], ([drawn]) => {
    for (const value of drawn!) counts.set(`${value}`, (counts.get(`${value}`) ?? 0) + 1);
    counts.set(`all ${drawn}`, (counts.get(`all ${drawn}`) ?? 0) + 1);
    return 0;
  }, { resamples: 27_000 });
  // Of 81,000 draws a third each, and of 27 ordered samples six are 0, 1, 2 and one is 0, 0, 0.
  for (const value of [0, 1, 2]) assertAlmostEquals(counts.get(`${value}`)!, 27_000, 600);
  assertAlmostEquals(counts.get("all 0,1,2")!, 6000, 300);
  assertAlmostEquals(counts.get("all 0,0,0")!, 1000, 130);
});

Deno.test("stratifiedBootstrap() draws strata apart and keeps their sizes", () => {
  const strata = [[1, 2], [10, 20, 30]];
  const pairs = new Set<string>();
  const interval = stratifiedBootstrap(strata, ([a, b]) => {
    assertEquals([a!.length, b!.length], [2, 3]);
    assert(a!.every((x) => x < 10) && b!.every((x) => x >= 10));
    pairs.add(`${a};${b}`);
    return sampleMean(a!) + sampleMean(b!);
  });
  // Three samples of two values, ten of three: all pairs come, which one stream for both would not.
  assertEquals(pairs.size, 30);
  assert(interval.low > 11 && interval.high < 32 && interval.low < interval.high);
});

Deno.test("stratifiedBootstrap() is NaN where a stratum has no spread to draw from", () => {
  const total = (strata: readonly (readonly number[])[]) => sampleMean(strata.flat());
  for (const strata of [[], [[]], [[1, 2], []], [[1], [2, 3]]]) {
    assertEquals(stratifiedBootstrap(strata, total), unknown);
  }
  assertThrows(() => stratifiedBootstrap([[1, 2], [NaN]], total), NumericError, "found NaN");
});

Deno.test("10,000 resamples of ten values take less than 50 ms", () => {
  const values = [...numbers(1, 10)];
  let best = Infinity;
  for (let trial = 0; trial < 10; trial++) {
    const started = performance.now();
    bcaInterval(values, sampleMean);
    best = Math.min(best, performance.now() - started);
  }
  assert(best < 50, `${best} ms`);
});
