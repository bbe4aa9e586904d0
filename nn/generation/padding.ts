/**
 * Sizes that are rounded up, so that the shapes of one token are those of another.
 *
 * @module
 */

/** Multiples that sizes are rounded up to. */
export interface Padding {
  /** Of the slots that attention looks at, and of a path's. */
  readonly slots: number;
  /** Of the prompts that are continued together, once some are over. */
  readonly sequences: number;
}

/** Nothing is rounded. */
export const unpadded: Padding = { slots: 1, sequences: 1 };

/** The least multiple that is not below. */
export function roundedUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
