// Special values of every operation: infinities, NaN, both zeros, the ends of the range.
import { copySpecials } from "./special_copies.ts";
import { elementwiseSpecials } from "./special_elementwise.ts";
import { reductionSpecials } from "./special_reductions.ts";
import type { SpecialRow } from "./special_row.ts";

/** All rows. */
export const specialTable: readonly SpecialRow[] = [
  ...elementwiseSpecials,
  ...reductionSpecials,
  ...copySpecials,
];
