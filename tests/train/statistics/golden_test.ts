import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import golden from "../../golden/statistics/values.json" with { type: "json" };
import {
  bcaInterval,
  type Interval,
  stratifiedBootstrap,
} from "../../../train/statistics/bootstrap.ts";
import { expectedMaximum } from "../../../train/statistics/expected_maximum.ts";
import { holm } from "../../../train/statistics/holm.ts";
import {
  improvementInterval,
  meanImprovement,
  probabilityOfImprovement,
} from "../../../train/statistics/improvement.ts";
import { normalCdf, normalQuantile } from "../../../train/statistics/normal.ts";
import { seedsNeeded } from "../../../train/statistics/power.ts";
import { signFlip } from "../../../train/statistics/sign_flip.ts";
import { pairedTestPower } from "../../../train/statistics/student.ts";
import {
  interquartileMean,
  median,
  quantile,
  sampleMean,
  sd,
} from "../../../train/statistics/summary.ts";

const statistics: Readonly<Record<string, (values: readonly number[]) => number>> = {
  mean: sampleMean,
  median,
  interquartileMean,
};

/** To 1e-9 of the value, or absolutely where that is below 1. */
function assertValue(actual: number, expected: number, what: string) {
  const error = Math.abs(actual - expected);
  assert(error <= 1e-9 * Math.max(1, Math.abs(expected)), `${what}: ${actual}, not ${expected}`);
}

function assertEnds(actual: Interval, expected: Interval, what: string) {
  assertValue(actual.low, expected.low, `${what}: lower end`);
  assertValue(actual.high, expected.high, `${what}: upper end`);
}

for (const { name, values, quantiles, ...expected } of golden.summaries) {
  Deno.test(`mean, sd, median, quantiles as NumPy's, interquartile mean as rliable's: ${name}`, () => {
    assertValue(sampleMean(values), expected.mean, "mean");
    assertValue(sd(values), expected.sd, "sd");
    assertValue(median(values), expected.median, "median");
    assertValue(interquartileMean(values), expected.interquartileMean, "interquartile mean");
    for (const [place, value] of quantiles) {
      assertValue(quantile(values, place!), value!, `quantile ${place}`);
    }
  });
}

Deno.test("the normal distribution and its quantiles are exact to 1e-15, as mpmath has them", () => {
  for (const [z, p] of golden.normal.cdf) {
    assert(Math.abs(normalCdf(z!) / p! - 1) < 1e-15, `cdf of ${z}: ${normalCdf(z!)}`);
  }
  for (const [p, z] of golden.normal.quantile) {
    assert(
      Math.abs(normalQuantile(p!) / z! - 1) < 1e-15,
      `quantile of ${p}: ${normalQuantile(p!)}`,
    );
  }
});

for (const { name, values, statistic, low, high, ...options } of golden.bca) {
  const what = `${statistic} of ${name}, level ${options.level}`;
  Deno.test(`BCa ends are SciPy's where both have the same resamples: ${what}`, () =>
    assertEnds(bcaInterval(values, statistics[statistic]!, options), { low, high }, what));
}

Deno.test("BCa ends are SciPy's whole interval within the scatter of 200,000 resamples", () => {
  for (const { values, low, high, error } of golden.bcaApart) {
    const found = bcaInterval(values, sampleMean, { resamples: 200_000, seed: 8 });
    // Ends scatter by about 0.009 standard errors in each, that of z0 included: four of both.
    assertAlmostEquals(found.low, low, 0.05 * error);
    assertAlmostEquals(found.high, high, 0.05 * error);
  }
});

Deno.test("the stratified bootstrap is that of rliable: percentiles, drawn within each stratum", () => {
  const { strata, value, low, high, ...options } = golden.stratified;
  const statistic = (drawn: readonly (readonly number[])[]) => interquartileMean(drawn.flat());
  assertValue(statistic(strata), value, "interquartile mean");
  assertEnds(stratifiedBootstrap(strata, statistic, options), { low, high }, "interval");
});

Deno.test("sign-flip p-values of 1 to 12 and of 20 differences are SciPy's or enumerated", () => {
  for (const { differences, p } of golden.signFlips) {
    const found = signFlip(differences);
    assertAlmostEquals(found.p, p, 1e-12, String(differences));
    assertEquals([found.exact, found.assignments], [true, 2 ** differences.length]);
  }
  const lengths = new Set(golden.signFlips.map(({ differences }) => differences.length));
  assertEquals([...lengths].sort((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20]);
});

Deno.test("Holm's p-values are those of statsmodels", () => {
  for (const { p, adjusted } of golden.holm) {
    holm(p).forEach((value, i) => assertAlmostEquals(value, adjusted[i]!, 1e-12, String(p)));
  }
});

Deno.test("probabilities of improvement are SciPy's U / (n m), their mean and interval rliable's", () => {
  const { tasks, mean, low, high, ...options } = golden.improvement;
  for (const task of tasks) {
    assertAlmostEquals(probabilityOfImprovement(task), task.probability, 1e-12);
  }
  assertAlmostEquals(meanImprovement(tasks), mean, 1e-12);
  assertEnds(improvementInterval(tasks, options), { low, high }, "interval");
});

Deno.test("the expected best of k scores is the mean over all tuples of k", () => {
  for (const { scores, isHigherBetter, best } of golden.expectedMaxima) {
    const found = expectedMaximum(scores, isHigherBetter);
    assertEquals(found.length, best.length);
    found.forEach((value, k) => assertAlmostEquals(value, best[k]!, 1e-12));
  }
});

Deno.test("the power of Student's paired test is that of statsmodels, and so are the seeds needed", () => {
  for (const [effect, n, alpha, power] of golden.student.power) {
    assertAlmostEquals(pairedTestPower(effect!, n!, alpha!), power!, 1e-11, `${effect}, ${n}`);
  }
  for (const [effect, alpha, needed] of golden.student.needed) {
    // Two differences of this mean have a deviation of 1.
    const differences = [effect! - Math.SQRT1_2, effect! + Math.SQRT1_2];
    const comparisons = Math.round(0.05 / alpha!);
    assertEquals(seedsNeeded(differences, { comparisons }), needed!);
  }
});
