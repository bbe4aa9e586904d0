import { assert, assertEquals } from "@std/assert";
import { judge } from "../../../train/noise/claims.ts";
import type { NoiseFigures } from "../../../train/noise/figures.ts";
import type { Statistic } from "../../../train/noise/statistics.ts";
import type { NoiseRow } from "../../../train/noise/study.ts";
import { known, knownRows } from "../../support/noise_gradients.ts";

const rates = [0.1, 0.2, 0.3];

/** Verdicts on claims that begin so. */
function verdicts(rows: readonly NoiseRow[], start: string): string[] {
  const found = judge(rows).filter(({ claim }) => claim.startsWith(start));
  assert(found.length > 0, start);
  return found.map(({ verdict }) => verdict);
}

/** Figures of DropAttention with NoGrad alone. */
const noisy = (name: keyof NoiseFigures, values: readonly Statistic[]) =>
  knownRows(
    rates,
    (variant, i) => variant === "dropattention-nograd" ? { [name]: values[i]! } : {},
  );

Deno.test("judge() takes nothing but 0 for no gradient, in every layer", () => {
  const start = "DropKey sends no gradient";
  assertEquals(verdicts(knownRows(rates, () => ({})), start), ["holds"]);
  const little = knownRows(
    rates,
    (variant) => variant === "dropkey" ? { share: known(1e-30, 0) } : {},
  );
  assertEquals(verdicts(little, start), ["does not hold"]);
  const some = knownRows(
    rates,
    (variant, i) => variant === "dropkey" && i === 1 ? { share: known(1e-30, 0) } : {},
  );
  assertEquals(verdicts(some, start), ["holds only when"]);
  const [clean, dirty] = [knownRows(rates, () => ({})), little];
  // The mean over layers says 0, one layer does not.
  const layered = clean.map((row, i) => ({ ...row, layers: [row.mean, dirty[i]!.mean] }));
  assertEquals(verdicts(layered, start), ["does not hold"]);
  assertEquals(verdicts(little, "DropAttention without NoGrad sends no"), ["holds"]);
});

Deno.test("judge() takes rounding, and no more, for the same gradient", () => {
  const start = "DropAttention without NoGrad has DropKey's gradient";
  for (const [difference, verdict] of [[0, "holds"], [9e-6, "holds"], [2e-5, "does not hold"]]) {
    const rows = knownRows(rates, () => ({}), difference as number);
    assertEquals(verdicts(rows, start), [verdict]);
  }
});

Deno.test("judge() calls a share more than nothing where its interval does, not its value", () => {
  const start = "DropAttention with NoGrad sends gradient";
  const shares = (error: number) => noisy("share", rates.map(() => known(0.1, error)));
  assertEquals(verdicts(shares(0.04), start), ["holds"]);
  assertEquals(verdicts(shares(0.06), start), ["does not hold"]);
});

Deno.test("judge() calls a figure grown beyond chance alone", () => {
  for (
    const [name, start] of [
      ["share", "The share"],
      ["dropped", "E|dL/dg_m|"],
      ["variance", "The variance of DropAttention"],
    ] as const
  ) {
    const rising = (error: number) => noisy(name, [1, 2, 3].map((x) => known(x, error)));
    assertEquals(verdicts(rising(0.1), start), ["holds"], name);
    // Two errors of 0.4 are 0.57 together: a rise of 1 is within 1.98 of them, one of 2 is not.
    assertEquals(verdicts(rising(0.4), start), ["holds only when"], name);
    assertEquals(verdicts(rising(1.5), start), ["does not hold"], name);
    const falling = noisy(name, [1, 3, 2].map((x) => known(x, 0.01)));
    assertEquals(verdicts(falling, start), ["holds only when"], name);
  }
  const dropKey = knownRows(
    rates,
    (variant, i) => variant === "dropkey" ? { variance: known(1 + i, 0.1) } : {},
  );
  assertEquals(verdicts(dropKey, "The variance of DropKey"), ["holds"]);
});

/** Variances of both methods, by rate. */
const both = (noisy: readonly Statistic[], quiet: readonly Statistic[]) =>
  knownRows(rates, (variant, i) => ({
    variance: variant === "dropattention-nograd" ? noisy[i]! : quiet[i]!,
  }));
const of = (values: readonly number[], error: number) => values.map((x) => known(x, error));
const faster = "Variance rises faster with p";
const factor = "Variance grows by a larger factor";

Deno.test("judge() compares rises and factors, each by its interval", () => {
  // A rise larger by 6 at the last rate and by a factor of 9 against 3.
  assertEquals(verdicts(both(of([1, 5, 9], 0.01), of([1, 2, 3], 0.01)), faster), ["holds"]);
  assertEquals(verdicts(both(of([1, 5, 9], 0.01), of([1, 2, 3], 0.01)), factor), ["holds"]);
  // A larger rise by the same factor.
  assertEquals(verdicts(both(of([10, 20, 30], 0.01), of([1, 2, 3], 0.01)), faster), ["holds"]);
  assertEquals(
    verdicts(both(of([10, 20, 30], 0.01), of([1, 2, 3], 0.01)), factor),
    ["does not hold"],
  );
  // A factor of 9 against 3, of variances that are known to 3.
  assertEquals(verdicts(both(of([1, 5, 9], 3), of([1, 2, 3], 3)), factor), ["does not hold"]);
  assertEquals(
    verdicts(both(of([1, 2, 9], 0.01), of([1, 2, 3], 0.01)), faster),
    ["holds only when"],
  );
});

Deno.test("judge() pairs masks: what both methods share is no chance", () => {
  // Both variances vary by 3 with the masks, and in step: their difference hardly does.
  const [noisy, quiet] = [[1, 2, 3].map((x) => known(x + 1, 3)), of([1, 1, 1], 3)];
  assertEquals(verdicts(both(noisy, quiet), faster), ["holds"]);
  const opposite = quiet.map(({ value, influences }) => ({
    value,
    influences: influences.map((list) => list.map((x) => -x)),
  }));
  assertEquals(verdicts(both(noisy, opposite), faster), ["does not hold"]);
});
