/**
 * Small buffers lie together, so that one which lives long does not cut the room of large ones in two.
 *
 * @module
 */

import { Ranges, roundedBytes } from "./ranges.ts";

/** Bytes of a buffer that counts as small. */
const mostBytes = 4096;
/** Bytes that small buffers take at once. */
const slabBytes = 2 ** 20;

/** Where slabs come from; all numbers are bytes from a space's beginning. */
export interface SlabSource {
  /** Start of a range; fails where there is none. */
  take(size: number): number;
  /** Takes a range back. */
  give(start: number, size: number): void;
}

/** A range that small buffers share. */
interface Slab {
  readonly start: number;
  readonly ranges: Ranges;
}

/** Gives out small ranges. */
export class Slabs {
  readonly #slabs: Slab[] = [];

  /** @param source Gives and takes whole slabs */
  constructor(readonly source: SlabSource) {}

  /** Whether so many bytes belong here. */
  static holds(bytes: number): boolean {
    return bytes <= mostBytes;
  }

  /** Start of a free range. */
  take(bytes: number): number {
    const size = roundedBytes(bytes);
    for (const { start, ranges } of this.#slabs) {
      const found = ranges.take(size);
      if (found !== undefined) return start + found;
    }
    const slab = { start: this.source.take(slabBytes), ranges: new Ranges() };
    slab.ranges.grow(slabBytes);
    this.#slabs.push(slab);
    return slab.start + slab.ranges.take(size)!;
  }

  /** Takes a range back, and gives back a slab of which nothing is used. */
  give(start: number, bytes: number): void {
    const at = this.#slabs.findIndex((slab) =>
      start >= slab.start && start < slab.start + slabBytes
    );
    const slab = this.#slabs[at]!;
    slab.ranges.give(start - slab.start, roundedBytes(bytes));
    if (slab.ranges.tail < slabBytes) return;
    this.#slabs.splice(at, 1);
    this.source.give(slab.start, slabBytes);
  }
}
