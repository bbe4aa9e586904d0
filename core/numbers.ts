/**
 * Checks of the numbers that a caller gives: sizes, places, factors.
 *
 * @module
 */

import { argumentError } from "./arguments.ts";
import { shown } from "./excerpt.ts";
import { sizeOf } from "./shape.ts";

/** Whether a value is a number that 32 bits without a sign hold. */
export function isWord(value: unknown): value is number {
  return typeof value === "number" && value >>> 0 === value;
}

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
  throw argumentError(operation, argument, `an integer ${bounds}`, shown(value));
}

/**
 * Checks that an argument is a number at all, such as one that enters a program.
 *
 * @throws {ShapeError} If it is anything else, NaN and infinities aside, which are numbers here
 */
export function checkNumber(operation: string, argument: string, value: unknown): void {
  if (typeof value === "number") return;
  throw argumentError(operation, argument, "a number", shown(value));
}

/**
 * Checks that a shape is a list of sizes.
 *
 * @throws {ShapeError} If it is none, a size is no whole number from 0, or their product is too
 * large
 */
export function checkShape(operation: string, shape: readonly number[]): void {
  const fits = Array.isArray(shape) &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (fits && Number.isSafeInteger(sizeOf(shape))) return;
  const required = "a flat list of integers of at least 0, their product below 2^53";
  throw argumentError(operation, "shape", required, shown(shape));
}
