/**
 * Copies from GPU to host. Deno's `await mapAsync` ends in a fixed sleep of 10 ms, but the poll
 * before it blocks inside the call, so the range is already there. A probe at start-up decides.
 *
 * @module
 */

import type { CommandQueue } from "./queue.ts";

interface Staging {
  readonly raw: GPUBuffer;
  readonly size: number;
}

/** Copies ranges of buffers to the host through staging memory that is used again. */
export class Readback {
  readonly #free: Staging[] = [];
  /** Whether the range may be read without waiting; decided by {@linkcode Readback.probe}. */
  immediate = false;

  /** `queue` is flushed before each copy. */
  constructor(readonly device: GPUDevice, readonly queue: CommandQueue) {}

  /** Copies `bytes` from `offset`. */
  async read(source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const length = Math.ceil(bytes / 4) * 4;
    const staging = this.#take(length);
    this.queue.flush((encoder) => {
      encoder.copyBufferToBuffer(source, offset, staging.raw, 0, length);
    });
    const mapped = staging.raw.mapAsync(GPUMapMode.READ, 0, length);
    // A lost device rejects the promise even where nobody waits for it.
    mapped.catch(() => {});
    if (!this.immediate) await mapped;
    const result = staging.raw.getMappedRange(0, length).slice(0, bytes);
    staging.raw.unmap();
    this.#free.push(staging);
    return result;
  }

  /** Compares both ways of reading and keeps the fast one where it is right. */
  async probe(): Promise<void> {
    if (!("Deno" in globalThis)) return;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = this.device.createBuffer({ size: 256, usage });
    try {
      for (let round = 1; round <= 3; round++) {
        this.device.queue.writeBuffer(source, 0, new Uint32Array(64).fill(round));
        this.immediate = true;
        const fast = new Uint32Array(await this.read(source, 0, 256));
        if (fast.some((x) => x !== round)) throw new RangeError("stale");
      }
    } catch {
      this.immediate = false;
    } finally {
      source.destroy();
    }
  }

  #take(bytes: number): Staging {
    const found = this.#free.findIndex(({ size }) => size >= bytes);
    if (found >= 0) return this.#free.splice(found, 1)[0]!;
    const most = Math.max(bytes, this.device.limits.maxBufferSize / 2);
    const size = Math.min(most, Math.max(4096, 2 ** Math.ceil(Math.log2(bytes))));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    // Mapped once before, or reading without waiting ends the process.
    const raw = this.device.createBuffer({ size, usage, mappedAtCreation: true });
    raw.unmap();
    return { raw, size };
  }

  /** Frees the staging memory. */
  close(): void {
    for (const { raw } of this.#free.splice(0)) raw.destroy();
  }
}
