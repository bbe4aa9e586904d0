/** Rotary positions of given frequencies. */

import type { Rotary } from "../../core/ops/rotary.ts";

/** Rotary positions whose pairs turn by so many radians a position. */
export function rotaryOf(frequencies: readonly number[], factor = 1): Rotary {
  return { pairs: frequencies.length, frequency: (pair) => frequencies[pair]!, factor };
}
