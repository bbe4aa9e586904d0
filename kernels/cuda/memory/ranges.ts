/**
 * Free ranges of an address space that grows at its end: the lowest that fits is given out, so that
 * equal steps meet equal addresses, and neighbours join again.
 *
 * @module
 */

/** Every range begins and ends at a multiple of this, in bytes: loads of 16 bytes are aligned. */
const alignment = 512;

/** Bytes that a range of `bytes` takes. */
export function roundedBytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / alignment)) * alignment;
}

/** Gives ranges out and takes them back; all numbers are bytes from the space's beginning. */
export class Ranges {
  readonly #starts: number[] = [];
  readonly #sizes: number[] = [];
  #end = 0;

  /** Where the space ends. */
  get end(): number {
    return this.#end;
  }

  /** Start of a free range of `size` bytes, or nothing where none is long enough. */
  take(size: number): number | undefined {
    const found = this.#sizes.findIndex((free) => free >= size);
    if (found < 0) return undefined;
    const start = this.#starts[found]!;
    if (this.#sizes[found] === size) this.#remove(found);
    else {
      this.#starts[found]! += size;
      this.#sizes[found]! -= size;
    }
    return start;
  }

  /** Bytes that are free at the end of the space. */
  get tail(): number {
    const last = this.#starts.length - 1;
    return last >= 0 && this.#starts[last]! + this.#sizes[last]! === this.#end
      ? this.#sizes[last]!
      : 0;
  }

  /** Takes a range back. */
  give(start: number, size: number): void {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! < start) low = middle + 1;
      else high = middle;
    }
    const joinsLeft = low > 0 && this.#starts[low - 1]! + this.#sizes[low - 1]! === start;
    const joinsRight = start + size === this.#starts[low];
    if (joinsLeft) this.#sizes[low - 1]! += size + (joinsRight ? this.#remove(low) : 0);
    else if (joinsRight) {
      this.#starts[low] = start;
      this.#sizes[low]! += size;
    } else {
      this.#starts.splice(low, 0, start);
      this.#sizes.splice(low, 0, size);
    }
  }

  /** Forgets a free range; gives its size. */
  #remove(range: number): number {
    this.#starts.splice(range, 1);
    return this.#sizes.splice(range, 1)[0]!;
  }

  /** Adds bytes at the end of the space. */
  grow(bytes: number): void {
    const start = this.#end;
    this.#end += bytes;
    this.give(start, bytes);
  }
}
