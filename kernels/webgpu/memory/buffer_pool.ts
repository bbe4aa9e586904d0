/**
 * GPU memory: buffers pooled by size class. What is given back waits for reuse; it is destroyed only
 * to make room for another size.
 *
 * @module
 */

import type { Bound, Buffer } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";

/** A WebGPU buffer that is handed out again and again, or a window of one. */
export interface Slab {
  /** Number that bind groups are cached by. */
  readonly id: number;
  /** Buffer of the device, at least as large as asked for. */
  readonly raw: GPUBuffer;
  /** Byte where it begins. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly size: number;
  /** Windows of it that were bound. */
  readonly windows: Slab[];
  /** What it is a window of; absent where it is none. */
  readonly whole?: Slab;
  /** What lies in it now; nothing while it waits for reuse. */
  holder?: GpuBuffer | undefined;
  /** Where the last upload ended, where that is within a word, and the word's bytes so far. */
  tail?: { readonly end: number; readonly bytes: Uint8Array } | undefined;
}

/** Part of a slab, from its beginning, in use. */
export class GpuBuffer implements Buffer {
  /** `bytes` is what was asked for. */
  constructor(readonly bytes: number, readonly slab: Slab) {}
}

/** Where an operand lies. */
export function slabOf({ buffer }: Bound): Slab {
  return (buffer as GpuBuffer).slab;
}

/** Rounds up to one of four sizes between powers of two. */
export function sizeClass(bytes: number): number {
  const least = Math.max(256, bytes);
  const unit = 2 ** Math.max(6, Math.floor(Math.log2(least)) - 2);
  return Math.ceil(least / unit) * unit;
}

/** Slabs of one size that wait for reuse, the highest number first. */
interface Shelf {
  readonly slabs: Slab[];
  /** When it was last reached for. */
  used: number;
}

/** What makes buffers, and how large they can be. */
export interface BufferMaker {
  /** The largest buffer, in bytes. */
  readonly maxBufferSize: number;
  /** Makes one. */
  readonly createBuffer: (descriptor: GPUBufferDescriptor) => GPUBuffer;
}

/** Told of what is taken and given back. */
export interface PoolObserver {
  /** A buffer was taken. */
  took(buffer: GpuBuffer): void;
  /** A buffer was given back. */
  gave(buffer: GpuBuffer): void;
}

/** Allocates and reuses slabs. */
export class Pool {
  /** Who is told, if anyone. */
  observer: PoolObserver | undefined;
  readonly #shelves = new Map<number, Shelf>();
  #live = 0;
  #peak = 0;
  #kept = 0;
  #clock = 0;
  #serial = 0;

  /**
   * @param device Makes buffers
   * @param limit Bytes that can be bound at once
   * @param budget Bytes that may be held beyond the most that were ever in use at once
   * @param destroy Ends a slab's life once no queued work needs it
   */
  constructor(
    readonly device: BufferMaker,
    readonly limit: number,
    readonly budget: number,
    readonly destroy: (slab: Slab) => void,
  ) {}

  /**
   * A buffer of at least `bytes`.
   *
   * @param shape Of the tensor that is to lie in it, for messages
   * @throws {DeviceError} If the adapter has no buffers of that size
   */
  take(bytes: number, shape?: readonly number[]): GpuBuffer {
    const most = this.device.maxBufferSize - this.device.maxBufferSize % 256;
    if (bytes > most) {
      const named = shape === undefined ? "" : ` (shape [${shape}])`;
      throw new DeviceError(
        `Cannot hold a tensor of ${bytes} bytes${named} as the adapter's buffers have at most ` +
          `${most} bytes`,
      );
    }
    // What can be bound as a whole is not made larger than that.
    const size = Math.min(most, bytes <= this.limit ? this.limit : most, sizeClass(bytes));
    const buffer = this.#held(bytes, this.#shelf(size).slabs.pop() ?? size);
    this.observer?.took(buffer);
    return buffer;
  }

  /** Lends buffers while work is recorded; the next one to take them is queued behind that work. */
  lending<T>(use: (take: (bytes: number, shape?: readonly number[]) => GpuBuffer) => T): T {
    const lent: GpuBuffer[] = [];
    try {
      return use((bytes, shape) => {
        const buffer = this.take(bytes, shape);
        lent.push(buffer);
        return buffer;
      });
    } finally {
      for (const buffer of lent) this.give(buffer);
    }
  }

  /** A buffer that fills a slab of `size` bytes: the given one where it waits, else any. */
  takeAgain(size: number, slab: Slab | undefined): GpuBuffer {
    const { slabs } = this.#shelf(size);
    const at = slab === undefined ? -1 : slabs.lastIndexOf(slab);
    return this.#held(size, (at < 0 ? slabs.pop() : slabs.splice(at, 1)[0]) ?? size);
  }

  /** A buffer in a slab that waited, or in a new one of some bytes. */
  #held(bytes: number, from: Slab | number): GpuBuffer {
    const isNew = typeof from === "number";
    const size = isNew ? from : from.size;
    this.#live += size;
    this.#peak = Math.max(this.#peak, this.#live);
    if (!isNew) this.#kept -= size;
    const slab = isNew ? this.#made(size) : from;
    return slab.holder = new GpuBuffer(bytes, slab);
  }

  #made(size: number): Slab {
    this.#makeRoom();
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const raw = this.device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    return { id: this.#serial++, raw, offset: 0, size, windows: [] };
  }

  /** A part of a slab, to be bound by itself. */
  window(whole: Slab, offset: number, size: number): Slab {
    const { raw, windows } = whole;
    let found = windows.find((w) => w.offset === offset && w.size === size);
    if (found === undefined) {
      windows.push(found = { id: this.#serial++, raw, offset, size, windows: [], whole });
    }
    return found;
  }

  /** Takes a buffer back. */
  give(buffer: GpuBuffer): void {
    const { slab } = buffer;
    slab.holder = undefined;
    this.observer?.gave(buffer);
    this.#live -= slab.size;
    this.#kept += slab.size;
    const { slabs } = this.#shelf(slab.size);
    // The lowest number goes out first, so that equal steps meet equal buffers and bind groups.
    let at = slabs.length;
    while (at > 0 && slabs[at - 1]!.id < slab.id) at--;
    slabs.splice(at, 0, slab);
  }

  #shelf(size: number): Shelf {
    let shelf = this.#shelves.get(size);
    if (shelf === undefined) this.#shelves.set(size, shelf = { slabs: [], used: 0 });
    shelf.used = this.#clock++;
    return shelf;
  }

  /** Destroys what was reached for longest ago until the rest fits. */
  #makeRoom(): void {
    while (this.#kept > 0 && this.#live + this.#kept > this.#peak + this.budget) {
      const shelves = [...this.#shelves.values()].filter(({ slabs }) => slabs.length > 0);
      const oldest = shelves.reduce((a, b) => a.used < b.used ? a : b);
      const slab = oldest.slabs.shift()!;
      this.#kept -= slab.size;
      this.destroy(slab);
    }
  }

  /** Destroys all that waits. */
  clear(): void {
    for (const { slabs } of this.#shelves.values()) for (const { raw } of slabs) raw.destroy();
    this.#shelves.clear();
    this.#kept = 0;
  }
}

/**
 * Queues an upload. Words alone can be sent, so that an odd number of halves ends in a word of its
 * own, which is sent again with what follows.
 *
 * @throws {RangeError} If the upload begins within a word whose beginning is not known
 */
export function writeWords(
  queue: GPUQueue,
  slab: Slab,
  offset: number,
  source: ArrayBufferView,
): void {
  let { buffer, byteOffset, byteLength } = source;
  let first = offset;
  if (offset % 4 !== 0) {
    const { tail } = slab;
    if (tail?.end !== offset) {
      throw new RangeError(
        `Cannot write as a multiple of 4, or the end of the last part, is required: found byte ` +
          offset,
      );
    }
    const joined = new Uint8Array(tail.bytes.length + byteLength);
    joined.set(tail.bytes);
    joined.set(new Uint8Array(buffer, byteOffset, byteLength), tail.bytes.length);
    first -= tail.bytes.length;
    ({ buffer, byteOffset, byteLength } = joined);
  }
  const whole = byteLength - byteLength % 4;
  queue.writeBuffer(slab.raw, first, buffer as ArrayBuffer, byteOffset, whole);
  slab.tail = undefined;
  if (whole === byteLength) return;
  const bytes = new Uint8Array(buffer, byteOffset + whole, byteLength - whole).slice();
  slab.tail = { end: first + byteLength, bytes };
  const last = new Uint8Array(4);
  last.set(bytes);
  queue.writeBuffer(slab.raw, first + whole, last);
}
