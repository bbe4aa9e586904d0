/**
 * Places for buffers of which it is known beforehand how long each is there.
 *
 * @module
 */

/** How much memory something takes, and when. */
export interface Lifetime {
  /** Bytes. */
  readonly size: number;
  /** Number of the event that takes it. */
  readonly from: number;
  /** Number of the event that gives it back. */
  to: number;
}

/** Where lifetimes lie in one piece of memory. */
export interface PlacedLifetimes {
  /** First byte of each, in their order. */
  readonly starts: Float64Array;
  /** Bytes of the piece. */
  readonly end: number;
}

/**
 * Places the largest first, each in the lowest gap between those that are there at the same time: in
 * steps of training the piece then has few bytes more than are in use at once.
 *
 * **Source**: Pisarchyk and Lee, "Efficient memory management for deep neural net inference" (2020),
 * greedy by size.
 */
export function placeByLifetime(lifetimes: readonly Lifetime[]): PlacedLifetimes {
  const starts = new Float64Array(lifetimes.length);
  const order = [...lifetimes.keys()].sort((a, b) => lifetimes[b]!.size - lifetimes[a]!.size);
  /** Those that have a place, the lowest first. */
  const placed: number[] = [];
  let end = 0;
  for (const own of order) {
    const { size, from, to } = lifetimes[own]!;
    let start = 0;
    for (const other of placed) {
      const { size: taken, from: begin, to: finish } = lifetimes[other]!;
      if (finish <= from || to <= begin) continue;
      if (starts[other]! - start >= size) break;
      start = Math.max(start, starts[other]! + taken);
    }
    starts[own] = start;
    end = Math.max(end, start + size);
    placed.splice(firstAbove(placed, starts, start), 0, own);
  }
  return { starts, end };
}

/** How many places begin at or before a byte. */
function firstAbove(placed: readonly number[], starts: Float64Array, start: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[placed[middle]!]! <= start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where lifetimes lie in pieces of their own sizes. */
export interface SharedPieces {
  /** Piece of each, in their order. */
  readonly pieces: readonly number[];
  /** Bytes of each piece. */
  readonly sizes: readonly number[];
}

/**
 * Gives each lifetime a piece of its size, the first that nothing else is in: no size has more pieces
 * than are in use at once. Lifetimes come in the order in which they begin.
 */
export function shareByLifetime(lifetimes: readonly Lifetime[]): SharedPieces {
  const sizes: number[] = [];
  const ends: number[] = [];
  const bySize = new Map<number, number[]>();
  const pieces = lifetimes.map(({ size, from, to }) => {
    const own = bySize.get(size) ?? [];
    bySize.set(size, own);
    let piece = own.find((piece) => ends[piece]! <= from);
    if (piece === undefined) own.push(piece = sizes.push(size) - 1);
    ends[piece] = to;
    return piece;
  });
  return { pieces, sizes };
}
