/**
 * Numbers on the host as they are written down: flat, or nested by axis.
 *
 * @module
 */

import { type Dtype, isHalf } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";

/** Numbers in order, or rows of them to any depth, all of one length on each axis. */
export type Nested = ArrayLike<number> | readonly Nested[];

/**
 * The numbers in row-major order, and the shape of their nesting.
 *
 * @throws {ShapeError} If two rows of an axis differ in length or in depth, or there are no rows
 */
export function flatten(data: Nested): { data: ArrayLike<number>; shape: number[] } {
  if (!isRow(data)) {
    throw new ShapeError(
      `Cannot make a tensor as data requires a list of numbers, nested or not: found ${
        shown(data)
      }`,
    );
  }
  const shape: number[] = [];
  for (let at: unknown = data; isRow(at); at = at[0]) shape.push(at.length);
  if (shape.length <= 1) return { data: data as ArrayLike<number>, shape };
  const flat: number[] = [];
  const visit = (row: unknown, place: readonly number[]): void => {
    const expected = shape[place.length];
    const found = isRow(row) ? row.length : undefined;
    if (found !== expected) {
      const words = (length: number | undefined, value: unknown = 0) => {
        if (length !== undefined) return `${length} elements`;
        return typeof value === "number" ? "a number" : shown(value);
      };
      throw new ShapeError(
        `Cannot make a tensor of nested arrays as [${place}] requires ${words(expected)}, as ` +
          `[${place.map(() => 0)}] has: found ${words(found, row)}`,
      );
    }
    if (isRow(row)) { for (let i = 0; i < row.length; i++) visit(row[i], [...place, i]); }
    else flat.push(row as number);
  };
  visit(data, []);
  return { data: flat, shape };
}

/**
 * Checks numbers that become elements: of words and of the bits of halves nothing may be lost.
 *
 * @throws {ShapeError} If an element is no number, or cannot be held
 */
export function checkElements(data: ArrayLike<number>, dtype: Dtype): void {
  const whole = dtype === "u32" || isHalf(dtype);
  if (whole ? data instanceof Uint32Array && !isHalf(dtype) : isFloats(data)) return;
  const most = isHalf(dtype) ? 0xFFFF : 0xFFFFFFFF;
  for (let i = 0; i < data.length; i++) {
    const x: unknown = data[i];
    const fits = typeof x === "number" && (!whole || Number.isInteger(x) && x >= 0 && x <= most);
    if (fits) continue;
    const kind = isHalf(dtype) ? "the bits of a half" : "a number";
    const required = whole ? `${kind}, an integer from 0 to ${most}` : kind;
    throw new ShapeError(
      `Cannot make a tensor of ${dtype} as element ${i} requires ${required}: found ${shown(x)}`,
    );
  }
}

function isFloats(data: unknown): boolean {
  return data instanceof Float32Array || data instanceof Float64Array;
}

function isRow(value: unknown): value is ArrayLike<unknown> {
  return typeof value === "object" && value !== null && "length" in value;
}
