/**
 * The parts of attention's masks, as bits.
 *
 * @module
 */

import type { AttentionMasks } from "../../../core/program.ts";

/** Bits of a key's word: it is not seen, dropped before the softmax, dropped after it. */
export const maskBits = { visible: 1, scores: 2, weights: 4 } as const;
/** A part of the masks. */
export type MaskPart = keyof typeof maskBits;

/** Bits that rows test at first: those of a mask that a row ignores are cleared. */
export const allTests = 7;

/** Where a mask does not let a row lose everything. */
export function fallbacks({ scores, weights, rest }: AttentionMasks): readonly MaskPart[] {
  return [
    ...(scores === undefined ? [] : ["scores" as const]),
    ...(weights === undefined || rest === "factor" ? [] : ["weights" as const]),
  ];
}

/** Eighth column of a turn, and row and column that a lane has there. */
export type ElementPlace = readonly [j: number, r: 0 | 1, e: 0 | 1];
