/**
 * Buffers inside one WebAssembly memory: the lowest free range that fits, so that what is used
 * stays together. Pages that are never touched cost nothing.
 *
 * @module
 */

import type { MemoryType } from "../assembler/assembler.ts";

const alignment = 64;
const pageBytes = 65536;
/** A closed heap that used no more than this is kept for the next: its pages stay resident. */
const keptBytes = 2 ** 24;

/**
 * Heaps that were closed. An engine takes a new memory for gigabytes of garbage to come, and
 * collects all that a process holds each time one is made.
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
    this.#sizes = [type.pages * pageBytes - first - alignment];
  }

  /**
   * Opens the largest memory that the engine grants, with minimum and maximum alike, which makes
   * access cheaper; `first` bytes at its start stay apart.
   */
  static open(shared: boolean, first: number): Heap | undefined {
    const kept = shared ? undefined : closed.pop();
    if (kept !== undefined) {
      new Uint8Array(kept.memory.buffer, 0, first).fill(0);
      return new Heap(kept.memory, kept.type, first);
    }
    for (const pages of [65536, 32768, 16384, 8192, 4096]) {
      try {
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
        return new Heap(memory, { pages, shared }, first);
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

  /** Leaves the memory, which no other thread has, to the next heap; this one is not used again. */
  close(): void {
    if (!this.type.shared && this.#end <= keptBytes) closed.push(this);
    this.#end = Infinity;
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
