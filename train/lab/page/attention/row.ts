/**
 * The row of attention that the page begins with, and what of it the address keeps.
 *
 * @module
 */

import { choiceField, numberField, numbersField, subsetField } from "../fields.ts";

/** The words that are looked at; the last one looks. */
export const rowWords = ["The", "cat", "that", "saw", "mice", "was", "very", "tired"] as const;

/** Least and largest logit that a bar can have. */
export const logitBounds = { min: -3, max: 4 } as const;

/** What the section keeps in the address. */
export const rowFields = {
  logits: numbersField([-0.6, 2.1, 0.2, 0.7, 1.5, 0.4, 0.9, 0.6], logitBounds),
  dropped: subsetField([1], rowWords.length),
  by: choiceField(["hand", "rate"], "hand"),
  rate: numberField(0.3, { min: 0, max: 0.9 }),
  seed: numberField(1, { min: 0, max: 999_999, whole: true }),
  cell: numbersField([4, 1], { min: 0, max: rowWords.length - 1, whole: true }),
} as const;
