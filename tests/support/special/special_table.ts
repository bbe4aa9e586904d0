// Special values of every operation: infinities, NaN, both zeros, the ends of the range.
import { elementwiseSpecials } from "./special_elementwise.ts";
import type { SpecialRow } from "./special_row.ts";

/** All rows. */
export const specialTable: readonly SpecialRow[] = [...elementwiseSpecials];
