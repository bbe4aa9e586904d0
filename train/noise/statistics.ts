/**
 * Estimates over masks and their 95 % intervals, by the influence of each mask.
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

/**
 * A statistic of independent draws, in groups that draw each for itself. Sums and differences of
 * statistics of the same draws are taken draw by draw, so their intervals know what the draws share.
 */
export interface Statistic {
  /** Its value for all draws. */
  readonly value: number;
  /** By group and draw: how much the value moves where the draw counts for more. */
  readonly influences: readonly Float64Array[];
}

/** A statistic of one group's draws, and without each of them. */
export interface LeftOut {
  /** Statistic of all draws. */
  readonly all: number;
  /** Statistic without each draw in turn. */
  readonly without: readonly number[];
}

/** Jackknife of a sum over groups: the influence of a draw is what leaving it out changes. */
export function jackknife(groups: readonly LeftOut[]): Statistic {
  return {
    value: groups.reduce((sum, { all }) => sum + all, 0),
    influences: groups.map(({ all, without }) =>
      Float64Array.from(without, (x) => (without.length - 1) * (all - x))
    ),
  };
}

/** Mean of one value a draw, of one group. */
export function meanOf(values: readonly number[]): Statistic {
  const value = values.reduce((a, b) => a + b, 0) / values.length;
  return { value, influences: [Float64Array.from(values, (x) => x - value)] };
}

/** Sum of one list over that of another, `[groups][draws]`; not a number where the latter is 0. */
export function ratioOf(
  above: readonly Float64Array[],
  below: readonly Float64Array[],
): Statistic {
  const total = (lists: readonly Float64Array[]) =>
    lists.reduce((sum, list) => sum + list.reduce((a, b) => a + b, 0), 0);
  const value = total(above) / total(below);
  const perDraw = total(below) / (below[0]?.length ?? 1);
  return {
    value,
    influences: above.map((list, e) => list.map((x, n) => (x - value * below[e]![n]!) / perDraw)),
  };
}

/** Weighted sum of statistics of the same draws. */
export function weightedSum(
  statistics: readonly Statistic[],
  weights: readonly number[] = statistics.map(() => 1 / statistics.length),
): Statistic {
  const add = (of: (statistic: Statistic) => number) =>
    statistics.reduce((sum, statistic, i) => sum + weights[i]! * of(statistic), 0);
  return {
    value: add(({ value }) => value),
    influences: statistics[0]!.influences.map((list, e) =>
      list.map((_, n) => add(({ influences }) => influences[e]![n]!))
    ),
  };
}

/** The logarithm of a positive statistic; not a number for another. */
export function logOf({ value, influences }: Statistic): Statistic {
  return {
    value: Math.log(value),
    influences: influences.map((list) => list.map((x) => x / value)),
  };
}

/** Weighted sum of two statistics of different, independent draws. */
export function independent(
  a: Statistic,
  b: Statistic,
  [weightA, weightB]: readonly [number, number] = [1, -1],
): Statistic {
  const scaled = (lists: readonly Float64Array[], by: number) =>
    lists.map((list) => list.map((x) => by * x));
  return {
    value: weightA * a.value + weightB * b.value,
    influences: [...scaled(a.influences, weightA), ...scaled(b.influences, weightB)],
  };
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

/**
 * A statistic with its 95 % interval, which follows the skewness of the influences.
 *
 * Few draws that count for much make a statistic fall below its expectation more often than above
 * it, and with it its standard error; so an interval around it must reach farther up.
 *
 * **Source**: Hall 1992, "On the removal of skewness by transformation", the cubic transformation of
 * Student's t.
 */
export function estimate({ value, influences }: Statistic): Estimate {
  let [squares, cubes] = [0, 0];
  for (const list of influences) {
    const count = list.length;
    const mean = list.reduce((a, b) => a + b, 0) / count;
    squares += list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (count * (count - 1));
    cubes += list.reduce((sum, x) => sum + (x - mean) ** 3, 0) / count ** 3;
  }
  const error = Math.sqrt(squares);
  const skewness = error > 0 ? cubes / error ** 3 : 0;
  const t = studentT(Math.min(...influences.map(({ length }) => length)) - 1);
  const end = (quantile: number) => value - error * unskewed(quantile, skewness);
  return { value, error, low: end(t), high: end(-t) };
}

/** Inverse of t + a/3 t² + a²/27 t³ + a/6, which is nearly normal for a mean of skewness `a`. */
function unskewed(quantile: number, skewness: number): number {
  if (Math.abs(skewness) < 1e-6) return quantile;
  const inside = 1 + skewness * (quantile - skewness / 6);
  return 3 / skewness * (Math.cbrt(inside) - 1);
}
