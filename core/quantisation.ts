/**
 * The memory of matrices in 8 or 4 bits: codes, a scale for each block of 64 neighbours in row-major
 * order, and what turns them into numbers again. `quantise.ts` writes it, `unpack.ts` reads it.
 *
 * @module
 */

import type { Quantised } from "./dtype.ts";

/** Neighbours that share a scale, and words in which the codes of a group lie. */
export const blockSize = 64;
/** Scales that share a scale of their own. */
export const scalesPerGroup = 256;
/** Codes in a word of 32 bits. */
export const codesPerWord: Readonly<Record<Quantised, number>> = { nf4: 8, int8: 4 };

/** The levels of `nf4`: quantiles of the normal distribution, with 0 among them. */
export const normalLevels: readonly number[] = [
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
];

/** Where the parts of a quantised matrix lie in its memory, in words of 32 bits. */
export interface QuantisedLayout {
  /** Groups of {@linkcode blockSize} words, each of {@linkcode codesPerWord} blocks. */
  readonly groups: number;
  /** Groups of {@linkcode scalesPerGroup} scales; 0 where scales are plain. */
  readonly scaleGroups: number;
  /** Scales, as floats or as the codes of a byte each. */
  readonly scales: number;
  /** Scales of the groups of scales, and what all scales are less, behind them. */
  readonly scaleScales: number;
  /** Factors that move a code to the highest bits of a word, by its place there. */
  readonly factors: number;
  /** The same for bytes. */
  readonly byteFactors: number;
  /** Levels of scales. */
  readonly levels: number;
  /** All words. */
  readonly words: number;
}

/** Where the parts of a quantised matrix of `length` numbers lie. */
export function quantisedLayout(dtype: Quantised, length: number): QuantisedLayout {
  const perWord = codesPerWord[dtype];
  const groups = Math.ceil(length / (perWord * blockSize));
  const scaleGroups = dtype === "nf4" ? Math.ceil(length / (blockSize * scalesPerGroup)) : 0;
  const scales = groups * blockSize;
  const scaleScales = scales + (dtype === "nf4" ? scaleGroups * blockSize : groups * perWord);
  const factors = scaleScales + (dtype === "nf4" ? scaleGroups + 1 : 0);
  const byteFactors = dtype === "nf4" ? factors + perWord : factors;
  const levels = byteFactors + codesPerWord.int8;
  const words = levels + (dtype === "nf4" ? scalesPerGroup : 0);
  return { groups, scaleGroups, scales, scaleScales, factors, byteFactors, levels, words };
}

/** Bytes of a quantised matrix of `length` numbers. */
export function quantisedBytes(dtype: Quantised, length: number): number {
  return 4 * quantisedLayout(dtype, length).words;
}
