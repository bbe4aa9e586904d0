/**
 * Samples drawn with replacement, by counter: the same seed gives the same ones on every machine,
 * whatever the order of the values.
 *
 * @module
 */

import { NumericError, OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { foldKey, type Key, seedKey, threefry } from "../../core/random.ts";

/** How often, and by which seed, a bootstrap draws. */
export interface ResampleOptions {
  /** Seed of the draws, from 0 to 2^53 - 1; 0 where absent. */
  readonly seed?: number;
  /** Samples drawn; 10,000 where absent. */
  readonly resamples?: number;
}

/** Values of each stratum that are drawn apart: of each task its runs, `[strata][values]`. */
export type Strata = readonly (readonly number[])[];

/**
 * The bootstrap distribution of a statistic: its values for samples that are drawn, with replacement,
 * within each stratum.
 *
 * Value `i` of sample `r` of stratum `s` is the one at `floor(n w / 2^32)` of the sorted values, where
 * `w` is word `i & 1` of the Threefry block at `(r, i >> 1)` under the seed's key folded by
 * `"bootstrap"` and by `s`. The statistic gets sorted samples, so that rounding cannot tell two draws
 * of the same values apart.
 *
 * @throws {OptionError} If the number of samples or the seed is unusable
 * @throws {NumericError} If the statistic of a sample is not finite
 */
export function bootstrapDistribution(
  strata: Strata,
  statistic: (strata: Strata) => number,
  { seed = 0, resamples = 10_000 }: ResampleOptions = {},
): Float64Array {
  if (!(Number.isInteger(resamples) && resamples >= 1 && resamples <= 2 ** 32)) {
    throw new OptionError(
      `Cannot bootstrap as a number of resamples from 1 to 2^32 is required: found ${
        shown(resamples)
      }`,
    );
  }
  const root = foldKey(seedKey(seed), "bootstrap");
  const sorted = strata.map((values, s) => ({
    values: Float64Array.from(values).sort(),
    key: foldKey(root, s),
  }));
  const distribution = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    const sample = sorted.map(({ values, key }) => resample(values, key, r));
    distribution[r] = finiteStatistic(statistic(sample), "a resample");
  }
  return distribution;
}

function resample(sorted: Float64Array, key: Key, r: number): number[] {
  const n = sorted.length;
  const counts = new Uint32Array(n);
  for (let i = 0; i < n; i += 2) {
    const [a, b] = threefry(key, r, i >> 1);
    counts[Math.floor(a / 2 ** 32 * n)]!++;
    if (i + 1 < n) counts[Math.floor(b / 2 ** 32 * n)]!++;
  }
  const sample: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let left = counts[i]!; left > 0; left--) sample.push(sorted[i]!);
  }
  return sample;
}

/**
 * The value of a statistic, where it is finite.
 *
 * @param sample What it was computed of, as it stands in the message
 * @throws {NumericError} If it is NaN or infinite
 */
export function finiteStatistic(value: number, sample: string): number {
  if (Number.isFinite(value)) return value;
  throw new NumericError(
    `Cannot bootstrap as a statistic that is finite for every sample is required: found ${
      shown(value)
    } for ${sample}`,
  );
}
