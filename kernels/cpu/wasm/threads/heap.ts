/**
 * Buffers inside one WebAssembly memory: the lowest free range that fits, so that what is used
 * stays together. A shared memory grows as it fills, and what was made over it before stays valid.
 *
 * @module
 */

import type { MemoryType } from "../assembler/assembler.ts";

const alignment = 64;
const pageBytes = 65536;
/** A closed heap that used no more than this is kept for the next: its pages stay resident. */
const keptBytes = 2 ** 24;
/** Pages that a shared memory begins with: room for what threads share and their tasks. */
const firstPages = 32;

/**
 * Heaps that were closed. An engine takes each memory for as much garbage to come as it is large,
 * and collects all that a process holds again and again once they come to gigabytes.
 */
const closed: Heap[] = [];

/** A memory with an allocator. */
export class Heap {
  readonly #starts: number[];
  readonly #sizes: number[];
  #end = 0;

  private constructor(
    /** Memory whose ranges are given out. */
    readonly memory: WebAssembly.Memory,
    /** What modules declare to import it. */
    readonly type: MemoryType,
    first: number,
  ) {
    this.#starts = [first];
    this.#sizes = [type.maximum * pageBytes - first - alignment];
  }

  /**
   * Opens the memory with the largest maximum that the engine grants; `first` bytes at its start
   * stay apart. One that is not shared has all of it at once, as growing would detach its buffer.
   */
  static open(shared: boolean, first: number): Heap | undefined {
    const place = closed.findIndex(({ type }) => type.shared === shared);
    if (place >= 0) {
      const kept = closed.splice(place, 1)[0]!;
      new Uint8Array(kept.memory.buffer, 0, first).fill(0);
      return new Heap(kept.memory, kept.type, first);
    }
    for (const maximum of [65536, 32768, 16384, 8192, 4096]) {
      const minimum = shared ? firstPages : maximum;
      try {
        const memory = new WebAssembly.Memory({ initial: minimum, maximum, shared });
        return new Heap(memory, { minimum, maximum, shared }, first);
      } catch {
        // Less may be granted.
      }
    }
    return undefined;
  }

  /** Address of a free range, or nothing where none is long enough. */
  allocate(bytes: number): number | undefined {
    const size = rounded(bytes);
    const found = this.#sizes.findIndex((free) => free >= size);
    if (found < 0) return undefined;
    const address = this.#starts[found]!;
    if (!this.#reach(address + size)) return undefined;
    this.#end = Math.max(this.#end, address + size);
    if (this.#sizes[found] === size) {
      this.#starts.splice(found, 1);
      this.#sizes.splice(found, 1);
    } else {
      this.#starts[found]! += size;
      this.#sizes[found]! -= size;
    }
    return address;
  }

  /**
   * Leaves the memory to the next heap; this one is not used again.
   *
   * @param alone Whether no other thread has it
   */
  close(alone: boolean): void {
    if (alone && this.#end <= keptBytes) closed.push(this);
    this.#end = Infinity;
  }

  /** Grows the memory so that it has an address; false where the engine does not let it. */
  #reach(end: number): boolean {
    const { memory, type: { maximum } } = this;
    const pages = memory.buffer.byteLength / pageBytes;
    const required = Math.ceil(end / pageBytes);
    if (required <= pages) return true;
    try {
      memory.grow(Math.min(maximum, Math.max(required, Math.ceil(1.25 * pages))) - pages);
      return true;
    } catch {
      return false;
    }
  }

  /** Gives a range back; it joins its free neighbours. */
  release(address: number, bytes: number): void {
    const size = rounded(bytes);
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! < address) low = middle + 1;
      else high = middle;
    }
    this.#starts.splice(low, 0, address);
    this.#sizes.splice(low, 0, size);
    for (const left of [low, low - 1]) {
      if (this.#starts[left]! + this.#sizes[left]! !== this.#starts[left + 1]) continue;
      this.#sizes[left]! += this.#sizes[left + 1]!;
      this.#starts.splice(left + 1, 1);
      this.#sizes.splice(left + 1, 1);
    }
  }
}

function rounded(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / alignment)) * alignment;
}
