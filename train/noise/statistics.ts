/**
 * Means, ratios and their 95 % intervals over masks.
 *
 * @module
 */

/** An estimate with its 95 % interval; not a number where it is undefined. */
export interface Estimate {
  /** Estimated value, in the unit of the samples. */
  readonly value: number;
  /** Standard error of the estimate. */
  readonly error: number;
  /** Lower end of the 95 % interval. */
  readonly low: number;
  /** Upper end of the 95 % interval. */
  readonly high: number;
}

/** Student's t at 97.5 %, by the expansion around the normal distribution; good from 3 degrees on. */
export function studentT(degrees: number): number {
  const z = 1.959963984540054;
  const z2 = z * z;
  const first = z * (z2 + 1) / 4;
  const second = z * ((5 * z2 + 16) * z2 + 3) / 96;
  const third = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
  const fourth = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
  return z + (first + (second + (third + fourth / degrees) / degrees) / degrees) / degrees;
}

/** An estimate from its standard error, with as many degrees of freedom as there are masks less 1. */
function estimate(value: number, error: number, masks: number): Estimate {
  const half = studentT(masks - 1) * error;
  return { value, error, low: value - half, high: value + half };
}

/** Mean of one value a mask. */
export function meanOf(values: readonly number[]): Estimate {
  const count = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return estimate(mean, Math.sqrt(squares / (count - 1) / count), count);
}

/** Jackknife: a statistic of all masks, and the same without each of them. */
export function jackknife(all: number, without: readonly number[]): Estimate {
  const count = without.length;
  const mean = without.reduce((a, b) => a + b, 0) / count;
  const squares = without.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return estimate(all, Math.sqrt(squares * (count - 1) / count), count);
}

/** A statistic of all masks, and without each of them. */
export interface Resampled {
  /** Statistic of all masks. */
  readonly all: number;
  /** Statistic without each mask in turn. */
  readonly without: readonly number[];
}

/** Noise and signal of a set of gradients. */
export interface Spread {
  /** Trace of the covariance over the squared norm of the mean. */
  readonly noise: Resampled;
  /** Its inverse's root: norm of the mean over the root of the trace. */
  readonly signal: Resampled;
}

/**
 * How gradients vary over masks, in one number: variance summed over all elements, over the squared
 * norm of the mean. That norm is corrected for the variance it contains, so the ratio has no bias
 * that depends on the number of masks in first order.
 */
export function spreadOf(gradients: readonly Float32Array[]): Spread {
  const sum = new Float64Array(gradients[0]?.length ?? 0);
  for (const g of gradients) for (let i = 0; i < sum.length; i++) sum[i]! += g[i]!;
  const total = dot(sum, sum);
  const own = gradients.map((g) => dot(g, g));
  const cross = gradients.map((g) => dot(g, sum));
  const squares = own.reduce((a, b) => a + b, 0);
  const noise: Resampled = {
    all: ratio(squares, total, gradients.length),
    without: gradients.map((_, n) =>
      ratio(squares - own[n]!, total - 2 * cross[n]! + own[n]!, gradients.length - 1)
    ),
  };
  const invert = (x: number) => 1 / Math.sqrt(x);
  return { noise, signal: { all: invert(noise.all), without: noise.without.map(invert) } };
}

/** Variance over squared mean from sums of `count` gradients; NaN where noise hides the mean. */
function ratio(squares: number, total: number, count: number): number {
  const variance = Math.max(0, squares - total / count) / (count - 1);
  const signal = total / count ** 2 - variance / count;
  return signal > 0 ? variance / signal : NaN;
}

/** Mean of resampled statistics, mask by mask. */
export function average(statistics: readonly Resampled[]): Resampled {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    all: mean(statistics.map(({ all }) => all)),
    without: (statistics[0]?.without ?? []).map((_, n) =>
      mean(statistics.map((f) => f.without[n]!))
    ),
  };
}

/** Inner product of two vectors of equal length, summed in double precision. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Cosine of two gradients; NaN where one is zero. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
