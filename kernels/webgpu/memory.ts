/**
 * GPU memory: buffers pooled by size class within a byte budget.
 *
 * @module
 */

import type { Buffer } from "../../core/backend.ts";
import { DeviceError } from "../../core/errors.ts";

/** A WebGPU buffer that is handed out again and again. */
export interface Slab {
  /** Number that bind groups are cached by. */
  readonly id: number;
  /** The memory. */
  readonly raw: GPUBuffer;
  /** Its size in bytes. */
  readonly size: number;
}

/** Part of a slab, from its beginning, in use. */
export class GpuBuffer implements Buffer {
  /** `bytes` is what was asked for. */
  constructor(readonly bytes: number, readonly slab: Slab) {}
}

/** Rounds up to one of four sizes between powers of two. */
export function sizeClass(bytes: number): number {
  const least = Math.max(256, bytes);
  const unit = 2 ** Math.max(6, Math.floor(Math.log2(least)) - 2);
  return Math.ceil(least / unit) * unit;
}

/** Allocates and reuses slabs. */
export class Pool {
  readonly #free = new Map<number, Slab[]>();
  #kept = 0;
  #serial = 0;

  /** `budget` is the most bytes that wait for reuse. */
  constructor(readonly device: GPUDevice, readonly budget: number) {}

  /**
   * A buffer of at least `bytes`.
   *
   * @throws {DeviceError} If the adapter cannot bind that many
   */
  take(bytes: number): GpuBuffer {
    const limit = this.device.limits.maxStorageBufferBindingSize;
    if (bytes > limit) {
      throw new DeviceError(
        `Cannot hold a tensor of ${bytes} bytes as the adapter binds at most ${limit}`,
      );
    }
    const size = Math.min(limit, sizeClass(bytes));
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) {
      this.#kept -= size;
      return new GpuBuffer(bytes, reused);
    }
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const raw = this.device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    return new GpuBuffer(bytes, { id: this.#serial++, raw, size });
  }

  /** Takes a buffer back; `false` where it does not fit the budget and the caller destroys it. */
  give({ slab }: GpuBuffer): boolean {
    if (this.#kept + slab.size > this.budget) return false;
    this.#kept += slab.size;
    const list = this.#free.get(slab.size) ?? [];
    if (list.length === 0) this.#free.set(slab.size, list);
    // The lowest number goes out first, so that equal steps meet equal buffers and bind groups.
    let at = list.length;
    while (at > 0 && list[at - 1]!.id < slab.id) at--;
    list.splice(at, 0, slab);
    return true;
  }

  /** Destroys all that waits. */
  clear(): void {
    for (const list of this.#free.values()) for (const { raw } of list) raw.destroy();
    this.#free.clear();
    this.#kept = 0;
  }
}

/** Queues an upload; an odd number of halves ends in a word of its own, as words alone can be sent. */
export function writeWords(
  queue: GPUQueue,
  target: GPUBuffer,
  offset: number,
  source: ArrayBufferView,
): void {
  const { buffer, byteOffset, byteLength } = source;
  const whole = byteLength - byteLength % 4;
  queue.writeBuffer(target, offset, buffer as ArrayBuffer, byteOffset, whole);
  if (whole === byteLength) return;
  const last = new Uint8Array(4);
  last.set(new Uint8Array(buffer, byteOffset + whole, byteLength - whole));
  queue.writeBuffer(target, offset + whole, last);
}
