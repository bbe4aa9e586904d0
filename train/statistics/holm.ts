/**
 * Several comparisons in one table: p-values that count them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/**
 * Holm's adjusted p-values, in the order given: that of rank `i` of `m`, counted from the smallest as 1,
 * is the largest `(m - j + 1) p_j` of the ranks `j` up to `i`, and at most 1. Calling those at most `α`
 * significant makes one or more false claims with a probability of at most `α`, however the tests
 * depend on each other.
 *
 * Equal p-values stay equal. A NaN, of a comparison that could not be made, stays NaN and does not
 * count as a comparison. None: an empty list. One: itself.
 *
 * **Source**: Holm 1979, "A simple sequentially rejective multiple test procedure".
 *
 * @throws {OptionError} If one lies outside of 0 to 1
 */
export function holm(pValues: readonly number[]): readonly number[] {
  const outside = pValues.find((p) => p < 0 || p > 1);
  if (outside !== undefined) {
    throw new OptionError(
      `Cannot adjust p-values as numbers from 0 to 1 are required: found ${shown(outside)}`,
    );
  }
  const order = [...pValues.keys()].filter((i) => !Number.isNaN(pValues[i]!))
    .sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = pValues.map(() => NaN);
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (order.length - rank) * pValues[i]!));
    adjusted[i] = least;
  }
  return adjusted;
}
