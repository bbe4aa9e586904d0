/**
 * How many seeds a difference needs to be found.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { requireFinite } from "./finite_sample.ts";
import { normalQuantile } from "./normal.ts";
import { smallestP } from "./sign_flip.ts";
import { pairedTestPower } from "./student.ts";
import { sampleMean, sd } from "./summary.ts";

/** What must be found, and how surely. */
export interface PowerOptions {
  /** One less the share of false claims allowed, from 0.5 to below 1; 0.95 where absent. */
  readonly level?: number;
  /** Probability that the difference is found, from 0.5 to below 1; 0.8 where absent. */
  readonly power?: number;
  /** Comparisons that Holm's method counts; 1 where absent. */
  readonly comparisons?: number;
}

/** Numbers of seeds beyond this are not looked for. */
const most = 1e9;

/**
 * Seeds that a difference of the size seen would need to be found by the sign-flip test with the power
 * asked for, where Holm's method tests it at its strictest: at `α = (1 - level) / comparisons`.
 *
 * It is the least `n` for which Student's paired test has that power against normal differences with
 * the mean and deviation of those given, and whose exact test can give `p <= α` at all. The sign-flip
 * test has the power of Student's for many pairs (Hoeffding 1952, "The large-sample power of tests based
 * on permutations of observations") and nearly for few.
 *
 * The size seen is taken at its word. Few pairs, and above all those picked for their difference,
 * overstate it, and then more seeds are needed: read the number as a lower estimate.
 *
 * Undefined where no number of seeds is enough or nothing is known of the size: fewer than two
 * differences, a mean of 0, or a size that a billion seeds would not show. Differences that are all equal need no more than the exact test does.
 *
 * @throws {NumericError} If a difference is not finite
 * @throws {OptionError} If an option is unusable
 */
export function seedsNeeded(
  differences: readonly number[],
  { level = 0.95, power = 0.8, comparisons = 1 }: PowerOptions = {},
): number | undefined {
  requireFinite("the seeds needed", differences);
  checkShare("level", level);
  checkShare("power", power);
  if (!(Number.isInteger(comparisons) && comparisons >= 1)) {
    throw new OptionError(
      `Cannot compute the seeds needed as a whole number of comparisons from 1 is required: found ${
        shown(comparisons)
      }`,
    );
  }
  const alpha = (1 - level) / comparisons;
  const effect = Math.abs(sampleMean(differences)) / sd(differences);
  // Student's test needs more than the normal one, which knows the deviation.
  const fewest = ((normalQuantile(power) - normalQuantile(alpha / 2)) / effect) ** 2;
  if (!(effect > 0 && fewest <= most)) return undefined;
  let n = Math.max(2, Math.floor(fewest));
  while (smallestP(n) > alpha || pairedTestPower(effect, n, alpha) < power) n++;
  return n;
}

function checkShare(name: string, share: number): void {
  if (share >= 0.5 && share < 1) return;
  throw new OptionError(
    `Cannot compute the seeds needed as a ${name} from 0.5 to below 1 is required: found ${
      shown(share)
    }`,
  );
}
