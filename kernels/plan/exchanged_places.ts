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
 * Whether captured work can run over other memory: what was taken meanwhile is gone, but for what was made,
 * and what was given was there before.
 *
 * @param isThere Whether a buffer was not given back
 */
export function exchangeable<B extends Buffer>(
  given: readonly MemoryPlace[],
  made: readonly Buffer[],
  meanwhile: ReadonlyMap<B, unknown>,
  isThere: (buffer: B) => boolean,
): boolean {
  const [taken, outlives] = [new Set<Buffer>(meanwhile.keys()), new Set(made)];
  return [...meanwhile.keys()].every((buffer) => isThere(buffer) === outlives.has(buffer)) &&
    made.every((buffer) => taken.has(buffer)) && given.every(({ buffer }) => !taken.has(buffer));
}
