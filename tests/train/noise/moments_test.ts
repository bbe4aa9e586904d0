import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { momentsOf } from "../../../train/noise/moments.ts";
import { estimate } from "../../../train/noise/statistics.ts";
import { knownGradients } from "../../support/noise_gradients.ts";

const rows = (...lists: number[][]) => lists.map((list) => Float32Array.from(list));

Deno.test("momentsOf() gives what is computed by hand, over the clean squared norm", () => {
  const clean = Float32Array.of(3, 4);
  // Differences from it: (1, 0), (0, 2), (2, 1), of mean (1, 1); squared deviations sum to 4.
  const { variance, bias, mean } = momentsOf(rows([4, 4], [3, 6], [5, 5]), clean, 1);
  assertAlmostEquals(variance.value, 2 / 25, 1e-12);
  assertAlmostEquals(bias.value, (2 - 2 / 3) / 25, 1e-12);
  assertAlmostEquals(mean.value, (41 - 2 / 3) / 25, 1e-12);
});

Deno.test("momentsOf() of equal gradients has no variance, and their whole distance as bias", () => {
  const { variance, bias, mean } = momentsOf(rows([1, 2], [1, 2]), Float32Array.of(1, 1), 1);
  assertEquals(variance.value, 0);
  assertAlmostEquals(bias.value, 1 / 2, 1e-12);
  assertAlmostEquals(mean.value, 5 / 2, 1e-12);
});

Deno.test("momentsOf() has no bias for few masks: known variance, bias and mean come out", () => {
  const settings = { masks: 4, size: 16, variance: 3, bias: 0.5 };
  const studies = 1500;
  const sums = { variance: 0, bias: 0, mean: 0 };
  for (let s = 0; s < studies; s++) {
    const { clean, gradients } = knownGradients(s, settings);
    const moments = momentsOf(gradients, clean, 4);
    for (const name of ["variance", "bias", "mean"] as const) sums[name] += moments[name].value;
  }
  // One element of clean is 2: a squared norm of 4 for each element. Without its correction, the
  // bias would be larger by 3 / 4 masks / 4 = 0.19, and so would the mean.
  assertAlmostEquals(sums.variance / studies, 3 / 4, 0.02);
  assertAlmostEquals(sums.bias / studies, 0.5 ** 2 / 4, 0.02);
  assertAlmostEquals(sums.mean / studies, 2.5 ** 2 / 4, 0.03);
});

Deno.test("momentsOf() sums over examples, and leaves out one mask of one example", () => {
  const { clean, gradients } = knownGradients(1, { masks: 9, size: 6, variance: 1, bias: 0.3 });
  const both = momentsOf(gradients, clean, 2);
  const half = (from: number, masks = gradients) =>
    momentsOf(masks.map((g) => g.slice(from, from + 3)), clean.slice(from, from + 3), 1);
  for (const name of ["variance", "bias", "mean"] as const) {
    // A part's own unit is half of the clean squared norm.
    const sum = (half(0)[name].value + half(3)[name].value) / 2;
    assertAlmostEquals(both[name].value, sum, 1e-9);
    const without = half(3, gradients.filter((_, n) => n !== 4))[name].value;
    const influence = 8 * (half(3)[name].value - without) / 2;
    assertAlmostEquals(both[name].influences[1]![4]!, influence, 1e-9);
  }
});

Deno.test("the standard errors of moments are the spread of many studies", () => {
  const settings = { masks: 30, size: 8, variance: 2, bias: 1 };
  const found = Array.from({ length: 500 }, (_, s) => {
    const { clean, gradients } = knownGradients(s, settings);
    const { variance, bias, mean } = momentsOf(gradients, clean, 2);
    return [variance, bias, mean].map(estimate);
  });
  for (const q of [0, 1, 2]) {
    const values = found.map((figures) => figures[q]!.value);
    const center = values.reduce((a, b) => a + b) / values.length;
    const spread = Math.sqrt(
      values.reduce((sum, x) => sum + (x - center) ** 2, 0) / (values.length - 1),
    );
    const errors = found.map((figures) => figures[q]!.error);
    const error = Math.sqrt(errors.reduce((sum, x) => sum + x * x, 0) / errors.length);
    assert(Math.abs(error / spread - 1) < 0.12, `${q}: ${error} for a spread of ${spread}`);
  }
});
