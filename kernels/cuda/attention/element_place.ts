/**
 * Where an element of a turn's scores is.
 *
 * @module
 */

/** Eighth column of a turn, and row and column that a lane has there. */
export type ElementPlace = readonly [j: number, r: 0 | 1, e: 0 | 1];
