import { assertEquals, assertThrows } from "@std/assert";
import { NumericError, OptionError } from "../../../core/errors.ts";
import { summarise } from "../../../train/statistics/summarise.ts";
import {
  interquartileMean,
  median,
  quantile,
  sampleMean,
  sd,
} from "../../../train/statistics/summary.ts";

const figures = { sampleMean, sd, median, interquartileMean };

Deno.test("figures of no values are NaN, of one that value but for sd, and of NaN are NaN", () => {
  for (const [name, figure] of Object.entries(figures)) {
    assertEquals(figure([]), NaN, name);
    assertEquals(figure([3]), name === "sd" ? NaN : 3, name);
    for (const at of [0, 1, 2, 3]) assertEquals(figure([4, 5, 6, 7].with(at, NaN)), NaN, name);
  }
  assertEquals([quantile([], 0.3), quantile([1, NaN], 0)], [NaN, NaN]);
});

Deno.test("figures of two values, and of equal ones, are exact", () => {
  assertEquals(Object.values(figures).map((figure) => figure([1, 3])), [2, Math.SQRT2, 2, 2]);
  const equal = Array.from({ length: 8 }, () => 0.5);
  assertEquals(Object.values(figures).map((figure) => figure(equal)), [0.5, 0, 0.5, 0.5]);
});

Deno.test("figures neither sort nor change what they are given", () => {
  const values = [10, 9, 100, 1];
  for (const figure of Object.values(figures)) figure(values);
  assertEquals(values, [10, 9, 100, 1]);
  // By size, not by the digits.
  assertEquals([median(values), interquartileMean(values)], [9.5, 9.5]);
});

Deno.test("quantile() interpolates, keeps infinities and refuses what is no share", () => {
  assertEquals([0, 0.25, 0.5, 1].map((share) => quantile([30, 10, 20], share)), [10, 15, 20, 30]);
  assertEquals(quantile([Infinity, Infinity, 0], 0.75), Infinity);
  for (const share of [-0.1, 1.1, NaN]) {
    assertThrows(() => quantile([1], share), OptionError, `found ${share}`);
  }
});

Deno.test("summarise() has all figures of a sample, its interval among them", () => {
  const { interval, ...rest } = summarise([1, 2, 3, 4, 5, 6, 7, 30], { seed: 1 });
  assertEquals(rest.n, 8);
  assertEquals([rest.mean, rest.median, rest.interquartileMean], [7.25, 4.5, 4.5]);
  assertEquals(rest.sd, sd([1, 2, 3, 4, 5, 6, 7, 30]));
  assertEquals(interval.low < 5 && interval.high > 12, true);
});

Deno.test("summarise() of no and of one value leaves out what is not known, and refuses NaN", () => {
  const interval = { low: NaN, high: NaN };
  const none = { n: 0, mean: NaN, sd: NaN, median: NaN, interquartileMean: NaN, interval };
  assertEquals(summarise([]), none);
  assertEquals(summarise([2]), { ...none, n: 1, mean: 2, median: 2, interquartileMean: 2 });
  assertThrows(() => summarise([1, NaN]), NumericError, "found NaN at index 1");
});
