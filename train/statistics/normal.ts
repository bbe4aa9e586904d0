/**
 * The standard normal distribution, exact to a few units of the last place, the far tails included.
 *
 * **Source**: Abramowitz and Stegun 1964, "Handbook of mathematical functions", 26.2.11 (the series
 * whose terms all have one sign) and 26.2.14 (the continued fraction of Mills' ratio).
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/** From here on outwards the continued fraction is taken, inside of it the series. */
const tailStart = 0.75;
/** Where probabilities underflow. */
const lowest = -39;
const logRootTwoPi = Math.log(2 * Math.PI) / 2;

/**
 * Probability of a value below `z`: `Φ(z)`. The relative error is below 1e-15 wherever a double holds
 * the result with all its bits (from -37 on).
 */
export function normalCdf(z: number): number {
  if (Number.isNaN(z)) return NaN;
  if (z < lowest) return 0;
  if (z > tailStart) return 1 - normalCdf(-z);
  return z < -tailStart ? density(z) * millsRatio(-z) : 0.5 + fromCentre(z);
}

/**
 * The `z` below which a share `p` lies: the inverse of `Φ`, by Newton's method on `log Φ` in the tails
 * and on `Φ - 1/2` around the centre. Its relative error is below 1e-15.
 *
 * @param p From 0, where it is -Infinity, to 1, where it is Infinity
 * @throws {OptionError} If `p` lies outside
 */
export function normalQuantile(p: number): number {
  if (!(p >= 0 && p <= 1)) {
    throw new OptionError(
      `Cannot take a quantile of the normal distribution as a share from 0 to 1 is required: found ${
        shown(p)
      }`,
    );
  }
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p === 0) return -Infinity;
  return p < normalCdf(-tailStart) ? tailQuantile(p) : -centralQuantile(0.5 - p);
}

/** `Φ(z) - 1/2`. */
function fromCentre(z: number): number {
  let [sum, term] = [z, z];
  for (let k = 3; Math.abs(term) > 1e-18 * Math.abs(sum); k += 2) {
    term *= z * z / k;
    sum += term;
  }
  return density(z) * sum;
}

function density(z: number): number {
  // The square of a number of few bits is exact, so the exponent loses nothing where it is large.
  const coarse = Math.round(z * 16) / 16;
  const rest = (z - coarse) * (z + coarse);
  return Math.exp(-coarse * coarse / 2) * Math.exp(-rest / 2) / Math.sqrt(2 * Math.PI);
}

/** `(1 - Φ(x)) / φ(x)` of `x` from 0.75 on. */
function millsRatio(x: number): number {
  let below = x;
  for (let k = Math.ceil(30 + 450 / (x * x)); k > 0; k--) below = x + k / below;
  return 1 / below;
}

/** The `z` from 0 to 0.75 with `Φ(z) - 1/2 = share`. */
function centralQuantile(share: number): number {
  let z = 0;
  for (let step = Infinity, turns = 0; Math.abs(step) > 1e-16 * z && turns < 50; turns++) {
    step = (share - fromCentre(z)) / density(z);
    z += step;
  }
  return z;
}

/** The `z` below -0.75 with `Φ(z) = p`. */
function tailQuantile(p: number): number {
  let x = Math.sqrt(-2 * Math.log(p));
  for (let step = Infinity, turns = 0; Math.abs(step) > 1e-16 * x && turns < 50; turns++) {
    const ratio = millsRatio(x);
    step = (Math.log(ratio) - x * x / 2 - logRootTwoPi - Math.log(p)) * ratio;
    x += step;
  }
  return -x;
}
