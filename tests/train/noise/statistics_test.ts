import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  estimate,
  independent,
  jackknife,
  logOf,
  meanOf,
  ratioOf,
  studentT,
  weightedSum,
} from "../../../train/noise/statistics.ts";
import { numbers } from "../../support/differences.ts";

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Share of intervals of a mean that hold it, over studies of 40 draws. */
function coverage(draw: (u: number) => number, truth: number): number {
  const studies = 4000;
  let held = 0;
  for (let s = 0; s < studies; s++) {
    const { low, high } = estimate(meanOf([...numbers(s, 40, 0, 1)].map(draw)));
    if (low <= truth && truth <= high) held++;
  }
  return held / studies;
}

Deno.test("estimate() has the standard error of a mean, and Student's interval without skewness", () => {
  const { value, error, low, high } = estimate(meanOf([1, 2, 3, 4, 5]));
  assertEquals(value, 3);
  assertAlmostEquals(error, Math.sqrt(2.5 / 5), 1e-12);
  assertAlmostEquals(high - 3, studentT(4) * error, 1e-12);
  assertAlmostEquals(3 - low, studentT(4) * error, 1e-12);
});

Deno.test("95 % intervals hold the truth about that often, for even and for skewed draws", () => {
  const even = coverage((u) => u, 0.5);
  assert(even > 0.94 && even < 0.965, `even: ${even}`);
  // Exponential: Student's interval alone holds its mean 91.6 % of the time.
  const skewed = coverage((u) => -Math.log(1 - u), 1);
  assert(skewed > 0.93 && skewed < 0.965, `skewed: ${skewed}`);
});

Deno.test("an interval reaches farther to the side of the skewness", () => {
  const { value, low, high } = estimate(meanOf([0, 0, 0, 0, 0, 0, 0, 0, 0, 10]));
  assert(high - value > 2 * (value - low), `${low} to ${high} around ${value}`);
});

Deno.test("jackknife() of a mean is the mean, with its standard error", () => {
  const values = [...numbers(3, 25)];
  const without = values.map((_, n) => average(values.filter((_, i) => i !== n)));
  const found = estimate(jackknife([{ all: average(values), without }]));
  const expected = estimate(meanOf(values));
  assertAlmostEquals(found.value, expected.value, 1e-12);
  assertAlmostEquals(found.error, expected.error, 1e-12);
  assertAlmostEquals(found.high, expected.high, 1e-9);
});

Deno.test("jackknife() adds groups, whose errors are independent", () => {
  const group = (seed: number) => {
    const values = [...numbers(seed, 20)];
    const without = values.map((_, n) => average(values.filter((_, i) => i !== n)));
    return { all: average(values), without };
  };
  const [a, b] = [group(1), group(2)];
  const { value, error } = estimate(jackknife([a, b]));
  assertAlmostEquals(value, a.all + b.all, 1e-12);
  const errors = [a, b].map((one) => estimate(jackknife([one])).error);
  assertAlmostEquals(error, Math.hypot(...errors), 1e-12);
});

Deno.test("weightedSum() knows what draws share, and independent() that they share nothing", () => {
  const [a, noise] = [[...numbers(5, 60)], [...numbers(6, 60, -0.01, 0.01)]];
  const [one, other] = [meanOf(a), meanOf(a.map((x, n) => x + noise[n]!))];
  const paired = estimate(weightedSum([other, one], [1, -1]));
  const apart = estimate(independent(other, one));
  assertAlmostEquals(paired.value, average(noise), 1e-12);
  assertAlmostEquals(paired.error, estimate(meanOf(noise)).error, 1e-12);
  assertAlmostEquals(apart.value, average(noise), 1e-12);
  assertAlmostEquals(apart.error, Math.hypot(estimate(one).error, estimate(other).error), 1e-12);
  assertEquals(estimate(weightedSum([one, one])).value, one.value);
});

Deno.test("independent() takes statistics of different numbers of draws", () => {
  const [a, b] = [meanOf([...numbers(7, 10)]), meanOf([...numbers(8, 90)])];
  const { error } = estimate(independent(a, b));
  assertAlmostEquals(error, Math.hypot(estimate(a).error, estimate(b).error), 1e-12);
});

Deno.test("ratioOf() divides sums, with the error of many studies", () => {
  const study = (seed: number) => {
    const below = [0, 1].map((e) => numbers(2 * seed + e, 40, 1, 3));
    const above = below.map((list, e) => {
      const noise = numbers(100000 + 2 * seed + e, 40, -1, 1);
      return list.map((y, n) => 2 * y + noise[n]!);
    });
    return estimate(ratioOf(above, below));
  };
  const found = Array.from({ length: 400 }, (_, s) => study(s));
  const center = average(found.map(({ value }) => value));
  assertAlmostEquals(center, 2, 0.01);
  const spread = Math.sqrt(average(found.map(({ value }) => (value - center) ** 2)));
  assert(Math.abs(average(found.map(({ error }) => error)) / spread - 1) < 0.1);
  assertEquals(ratioOf([Float64Array.of(1, 5)], [Float64Array.of(1, 2)]).value, 2);
});

Deno.test("logOf() has the relative error", () => {
  const statistic = meanOf([4, 5, 6, 5]);
  const { value, error } = estimate(logOf(statistic));
  assertAlmostEquals(value, Math.log(5), 1e-12);
  assertAlmostEquals(error, estimate(statistic).error / 5, 1e-12);
});

Deno.test("studentT() agrees with tables", () => {
  for (const [degrees, t] of [[3, 3.182], [5, 2.571], [10, 2.228], [31, 2.040], [1000, 1.962]]) {
    assertAlmostEquals(studentT(degrees!), t!, 0.01);
  }
});
