/**
 * Numbers on the host as they are written down: flat, or nested by axis.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";

/** Numbers in order, or rows of them to any depth, all of one length on each axis. */
export type Nested = ArrayLike<number> | readonly Nested[];

/**
 * The numbers in row-major order, and the shape of their nesting.
 *
 * @throws {ShapeError} If two rows of an axis differ in length or in depth
 */
export function flatten(data: Nested): { data: ArrayLike<number>; shape: number[] } {
  const shape: number[] = [];
  for (let at: unknown = data; isRow(at); at = at[0]) shape.push(at.length);
  if (shape.length <= 1) return { data: data as ArrayLike<number>, shape };
  const flat: number[] = [];
  const visit = (row: unknown, place: readonly number[]): void => {
    const expected = shape[place.length];
    const found = isRow(row) ? row.length : undefined;
    if (found !== expected) {
      const words = (length: number | undefined) =>
        length === undefined ? "a number" : `${length} elements`;
      throw new ShapeError(
        `Cannot make a tensor of nested arrays as [${place}] requires ${words(expected)}, as ` +
          `[${place.map(() => 0)}] has: found ${words(found)}`,
      );
    }
    if (isRow(row)) { for (let i = 0; i < row.length; i++) visit(row[i], [...place, i]); }
    else flat.push(row as number);
  };
  visit(data, []);
  return { data: flat, shape };
}

function isRow(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && "length" in value;
}
