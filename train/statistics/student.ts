/**
 * Power of Student's paired test.
 *
 * @module
 */

import { normalCdf, normalQuantile } from "./normal.ts";

/**
 * Probability that Student's two-sided paired test of `n` normal differences gives `p <= alpha`:
 * `P(|T| >= c)` of noncentral `T = (Z + effect sqrt(n)) / S` with `n - 1` degrees of freedom, where `c`
 * is the value for which it is `alpha` without an effect. NaN of fewer than two differences, of which
 * there is no such test.
 *
 * **Source**: Cohen 1988, "Statistical power analysis for the behavioral sciences", 2; the integral over
 * `S = sqrt(χ² / (n - 1))` by the trapezoidal rule in `log S`, whose error falls exponentially.
 *
 * @param effect Mean of the differences in their standard deviations
 * @param n Number of differences
 * @param alpha Share of false claims, above 0 and at most 1
 */
export function pairedTestPower(effect: number, n: number, alpha: number): number {
  if (n < 2) return NaN;
  const critical = criticalValue(alpha, n - 1);
  const shift = Math.abs(effect) * Math.sqrt(n);
  return overScale(
    n - 1,
    (s) => normalCdf(shift - critical * s) + normalCdf(-shift - critical * s),
  );
}

/** The `c` with `P(|T| >= c) = alpha`, by Newton's method: it rises to it, as the tail is convex. */
function criticalValue(alpha: number, degrees: number): number {
  let c = -normalQuantile(alpha / 2);
  for (let step = Infinity, turns = 0; step > 1e-14 * c && turns < 100; turns++) {
    const tail = overScale(degrees, (s) => 2 * normalCdf(-c * s));
    const slope = overScale(degrees, (s) => 2 * s * Math.exp(-c * c * s * s / 2));
    step = (tail - alpha) * Math.sqrt(2 * Math.PI) / slope;
    c += step;
  }
  return c;
}

/** Mean of a function of `S = sqrt(χ² / degrees)`. */
function overScale(degrees: number, of: (s: number) => number): number {
  const step = Math.min(0.05, 0.2 / Math.sqrt(degrees));
  let [total, weights] = [of(1), 1];
  for (const direction of [-step, step]) {
    for (let k = 1;; k++) {
      const x = k * direction;
      const weight = Math.exp(degrees * (x - Math.expm1(2 * x) / 2));
      if (weight < 1e-20) break;
      total += weight * of(Math.exp(x));
      weights += weight;
    }
  }
  return total / weights;
}
