import { assert } from "@std/assert";
import { foldKey, normal, seedKey, uniform } from "../../../core/random.ts";
import { bcaInterval } from "../../../train/statistics/bootstrap.ts";
import { holm } from "../../../train/statistics/holm.ts";
import { seedsNeeded } from "../../../train/statistics/power.ts";
import { signFlip } from "../../../train/statistics/sign_flip.ts";
import { sampleMean, sd } from "../../../train/statistics/summary.ts";

type Draw = (stream: number, count: number) => Float64Array;

const key = (stream: number) => foldKey(seedKey(2026), stream);
const normals: Draw = (stream, count) => normal(key(stream), count);
const exponentials: Draw = (stream, count) =>
  uniform(key(stream), count).map((u) => -Math.log(1 - u));

/** p-values of seven methods against a baseline, over seeds that do the same to all of them. */
function table(draw: Draw, number: number, seeds: number): number[] {
  const all = draw(number, 9 * seeds);
  const score = (method: number, seed: number) =>
    70 + 3 * all[8 * seeds + seed]! + all[method * seeds + seed]!;
  return Array.from({ length: 7 }, (_, method) => {
    const differences = Array.from({ length: seeds }, (_, s) => score(method + 1, s) - score(0, s));
    return signFlip(differences).p;
  });
}

for (const [name, draw] of Object.entries({ normals, exponentials })) {
  Deno.test(`of 2,000 tables without a difference at most 5.5 % claim one: ${name}`, () => {
    let [corrected, bare] = [0, 0];
    for (let number = 0; number < 2000; number++) {
      const pValues = table(draw, number, 10);
      if (holm(pValues).some((p) => p <= 0.05)) corrected++;
      if (pValues.some((p) => p <= 0.05)) bare++;
    }
    // Not by claiming nothing: methods share their baseline, and p-values of ten seeds are coarse.
    assert(corrected <= 0.055 * 2000 && corrected >= 0.02 * 2000, `${corrected} tables`);
    // What Holm's method is there for.
    assert(bare > 0.15 * 2000, `${bare} tables without correction`);
  });
}

/** Share of intervals of a mean that hold it. */
function coverage(draw: Draw, truth: number, n: number): number {
  const samples = 1000;
  let held = 0;
  for (let number = 0; number < samples; number++) {
    const options = { seed: number, resamples: 500 };
    const { low, high } = bcaInterval([...draw(number, n)], sampleMean, options);
    if (low <= truth && truth <= high) held++;
  }
  return held / samples;
}

Deno.test("95 % BCa intervals of few values hold the mean less often, as stated", () => {
  const sizes = [5, 10, 20];
  const found = sizes.flatMap((n) => [coverage(normals, 0, n), coverage(exponentials, 1, n)]);
  const stated = [0.84, 0.8, 0.9, 0.87, 0.93, 0.91];
  // Standard errors are at most 0.013.
  assert(found.every((share, i) => Math.abs(share - stated[i]!) < 0.03), found.join(", "));
});

Deno.test("the sign-flip test finds differences about as often as seedsNeeded() says", () => {
  for (const [effect, comparisons] of [[1, 1], [0.6, 1], [0.9, 8]] as const) {
    const needed = seedsNeeded([effect - Math.SQRT1_2, effect + Math.SQRT1_2], { comparisons })!;
    let found = 0;
    for (let number = 0; number < 2000; number++) {
      const differences = [...normals(number, needed)].map((x) => x + effect);
      if (signFlip(differences).p <= 0.05 / comparisons) found++;
    }
    // Three standard errors, and what the coarse p-values of few seeds cost.
    assert(found / 2000 > 0.74 && found / 2000 < 0.84, `${needed} seeds: ${found / 2000}`);
  }
});

Deno.test("samples of the simulations have the moments that they are named for", () => {
  const [even, skewed] = [[...normals(9, 20_000)], [...exponentials(9, 20_000)]];
  assert(Math.abs(sampleMean(even)) < 0.03 && Math.abs(sd(even) - 1) < 0.03);
  assert(Math.abs(sampleMean(skewed) - 1) < 0.03 && Math.abs(sd(skewed) - 1) < 0.04);
});
