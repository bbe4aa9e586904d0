/**
 * What fits a product: the sizes of its factors, and of what it ends in.
 *
 * @module
 */

import { argumentError } from "./arguments.ts";
import { ShapeError } from "./errors.ts";
import { checkNumber } from "./numbers.ts";
import { broadcast, broadcastsTo } from "./shape.ts";
import type { Value } from "./storage.ts";

/**
 * Shape of a product, `[…batch, m, n]`.
 *
 * @throws {ShapeError} If a factor has fewer than two axes, or the inner sizes differ
 */
export function matmulShape(
  name: string,
  a: readonly number[],
  b: readonly number[],
): readonly number[] {
  if (a.length < 2) throw argumentError(name, "a", "at least 2 axes", `[${a}]`);
  if (b.length < 2) throw argumentError(name, "b", "at least 2 axes", `[${b}]`);
  if (a.at(-1) !== b.at(-2)) {
    throw new ShapeError(
      `Cannot multiply [${a}] by [${b}] (${name}) as the inner sizes must match: ` +
        `${a.at(-1)} and ${b.at(-2)}`,
    );
  }
  const [m, n] = [a.at(-2)!, b.at(-1)!];
  if (b.length === 2) return a.with(-1, n);
  return [...broadcast(name, [a.slice(0, -2), b.slice(0, -2)]), m, n];
}

/**
 * What a product ends in must fit it: programs read extras by the strides of the result.
 *
 * @throws {ShapeError} If an extra does not broadcast to the result
 */
export function checkEpilogue(
  name: string,
  inputs: readonly Value[],
  shape: readonly number[],
  scalars: readonly number[],
): void {
  for (let i = 2; i < inputs.length; i++) {
    const own = inputs[i]!.shape;
    if (broadcastsTo(own, shape)) continue;
    const place = String.fromCharCode(97 + i);
    throw argumentError(name, place, `a shape that broadcasts to [${shape}]`, `[${own}]`);
  }
  for (const factor of scalars) checkNumber(name, "factor", factor);
}
