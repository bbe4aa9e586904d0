/**
 * What a method reaches for the settings that were tried.
 *
 * @module
 */

import { requireFinite } from "./finite_sample.ts";

/**
 * The best validation score to expect of `k` settings, for `k` from 1 to the number of scores: the mean
 * of the best of `k` scores drawn with replacement, `Σ x_i ((i / n)^k - ((i - 1) / n)^k)` over the `n`
 * scores from the worst on. A method that needs luck to find its settings rises late.
 *
 * Of no scores: an empty list. Of one: itself. Ties need no care.
 *
 * **Source**: Dodge et al. 2019, "Show your work: improved reporting of experimental results", arXiv
 * 1909.03004, equation 7.
 *
 * @param isHigherBetter Whether the best is the largest; the smallest otherwise
 * @throws {NumericError} If a score is not finite
 */
export function expectedMaximum(
  scores: readonly number[],
  isHigherBetter: boolean,
): readonly number[] {
  requireFinite("an expected best score", scores);
  const n = scores.length;
  const rising = scores.toSorted((a, b) => isHigherBetter ? a - b : b - a);
  return rising.map((_, tried) =>
    rising.reduce((sum, score, i) => {
      const share = ((i + 1) / n) ** (tried + 1) - (i / n) ** (tried + 1);
      return sum + share * score;
    }, 0)
  );
}
