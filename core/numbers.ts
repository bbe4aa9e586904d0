/**
 * Checks of the numbers that a caller gives: sizes, places, factors.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { sizeOf } from "./shape.ts";

/**
 * Checks a whole number.
 *
 * @throws {ShapeError} If it is none, or lies outside of the bounds, which are both allowed
 */
export function checkInteger(
  operation: string,
  argument: string,
  value: unknown,
  least: number,
  most: number,
): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  const bounds = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new ShapeError(
    `Cannot apply ${operation} as ${argument} requires an integer ${bounds}: found ${shown(value)}`,
  );
}

/**
 * Checks that an argument is a number at all, such as one that enters a program.
 *
 * @throws {ShapeError} If it is anything else, NaN and infinities aside, which are numbers here
 */
export function checkNumber(operation: string, argument: string, value: unknown): void {
  if (typeof value === "number") return;
  throw new ShapeError(
    `Cannot apply ${operation} as ${argument} requires a number: found ${shown(value)}`,
  );
}

/**
 * Checks that a shape is a list of sizes.
 *
 * @throws {ShapeError} If it is none, a size is no whole number from 0, or their product is too large
 */
export function checkShape(operation: string, shape: readonly number[]): void {
  const fits = Array.isArray(shape) &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (fits && Number.isSafeInteger(sizeOf(shape))) return;
  throw new ShapeError(
    `Cannot apply ${operation} as shape requires a flat list of integers of at least 0, their ` +
      `product below 2^53: found ${shown(shape)}`,
  );
}
