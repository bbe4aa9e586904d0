/**
 * Memory of captured work that may be other memory the next time.
 *
 * @module
 */

import type { Buffer, MemoryPlace } from "../../core/backend.ts";

/** A place that is exchanged, with its number. */
export type ExchangedPlace = MemoryPlace & { readonly slot: number };

/** Places in each buffer, the last first; of those that begin together the one that was told first. */
export function placesByBuffer(
  exchanged: readonly MemoryPlace[],
): Map<Buffer, ExchangedPlace[]> {
  const found = new Map<Buffer, ExchangedPlace[]>();
  exchanged.forEach((place, slot) => {
    const own = found.get(place.buffer);
    if (own === undefined) found.set(place.buffer, [{ ...place, slot }]);
    else own.push({ ...place, slot });
  });
  for (const own of found.values()) own.sort((a, b) => b.start - a.start);
  return found;
}

/**
 * Whether buffers of captured work may be exchanged: of what was taken meanwhile those that were made
 * are all that is left, and what was given was there before.
 *
 * @param left Buffers that were taken meanwhile and not given back
 */
export function exchanges<B extends Buffer>(
  given: readonly MemoryPlace[],
  made: readonly B[],
  left: readonly B[],
): boolean {
  const [there, outlives] = [new Set<Buffer>(left), new Set<Buffer>(made)];
  return left.every((buffer) => outlives.has(buffer)) &&
    made.every((buffer) => there.has(buffer)) && given.every(({ buffer }) => !there.has(buffer));
}
