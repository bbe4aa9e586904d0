/**
 * Arithmetic on shapes.
 *
 * @module
 */

import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis]!;
  return size;
}

/** Strides of a row-major array without holes, in elements. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/**
 * The shape that all shapes broadcast to, aligned from the right.
 *
 * @throws {ShapeError} If two sizes on an axis differ and neither is 1
 */
export function broadcast(
  name: string,
  shapes: readonly (readonly number[])[],
): readonly number[] {
  const first = shapes[0];
  if (first !== undefined && shapes.every((shape) => sameShape(shape, first))) return first;
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((size, i) => {
      const axis = rank - shape.length + i;
      if (size === 1 || size === result[axis]) return;
      if (result[axis] !== 1) {
        const found = shapes.map((s) => `[${s}]`).join(" and ");
        throw new ShapeError(`Cannot apply ${name} to ${found} as the sizes must match or be 1`);
      }
      result[axis] = size;
    });
  }
  return result;
}

/** Whether an array of the shape can be repeated to the other one, which it does not enlarge. */
export function broadcastsTo(shape: readonly number[], to: readonly number[]): boolean {
  const missing = to.length - shape.length;
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] !== 1 && shape[axis] !== to[axis + missing]) return false;
  }
  return missing >= 0;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/**
 * An axis counted from the front.
 *
 * @param whose What has the axes, for messages
 * @throws {ShapeError} If there is no such axis
 */
export function axisOf(name: string, axis: number, rank: number, whose = "the tensor"): number {
  const found = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(found) || found < 0 || found >= rank) {
    throw new ShapeError(
      `Cannot apply ${name} to axis ${shown(axis)} as ${whose} has ${rank} axes`,
    );
  }
  return found;
}
