// Asynchronous copies into shared memory. They come when they are waited for, as late as they may.
import type { CardRange } from "./card_range.ts";
import type { SharedMemory } from "./shared_memory.ts";

interface Copy {
  readonly group: number;
  readonly target: number;
  readonly source: number;
  readonly bytes: number;
  /** Bytes that are read; the rest is zero. */
  readonly size: number;
}

/** The copies of one block. */
export class AsyncCopies {
  readonly #groups: Int32Array;
  readonly #queues: Copy[][];

  constructor(
    threads: number,
    readonly shared: SharedMemory,
    readonly memory: () => CardRange,
    readonly sharedPlace: (address: number, bytes: number, at: number) => number,
  ) {
    this.#groups = new Int32Array(threads);
    this.#queues = Array.from({ length: threads }, () => []);
  }

  /** Begins a block. */
  begin(): void {
    this.#groups.fill(0);
    for (const queue of this.#queues) queue.length = 0;
  }

  /** A thread asks for a copy. */
  issue(t: number, target: number, source: number, bytes: number, size: number, at: number): void {
    const place = this.sharedPlace(target, bytes, at);
    if (size < 0 || size > bytes) throw new RangeError(`Cannot copy ${size} of ${bytes} bytes`);
    if (size > 0) this.memory().place(source, bytes, at);
    for (let i = 0; i < bytes; i += 4) this.shared.send((place + i) >> 2, t);
    this.#queues[t]!.push({ group: this.#groups[t]!, target: place, source, bytes, size });
  }

  /** A thread ends its group. */
  commit(t: number): void {
    this.#groups[t]!++;
  }

  /** A thread waits until at most `left` groups are on their way, or for all where it is -1. */
  wait(t: number, left: number): void {
    const queue = this.#queues[t]!;
    const limit = left < 0 ? Infinity : this.#groups[t]! - left;
    let count = 0;
    while (count < queue.length && queue[count]!.group < limit) this.#deliver(queue[count++]!, t);
    queue.splice(0, count);
  }

  #deliver({ target, source, bytes, size }: Copy, t: number): void {
    const { shared } = this;
    const memory = this.memory();
    for (let i = 0; i < bytes; i += 4) {
      const word = (target + i) >> 2;
      shared.words[word] = i < size ? memory.words[(source - memory.base + i) >> 2]! : 0;
      shared.arrive(word, t);
    }
  }
}
