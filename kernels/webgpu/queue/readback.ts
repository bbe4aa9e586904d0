/**
 * Copies from GPU to host. Deno's `await mapAsync` ends in a fixed sleep of 10 ms, but the poll
 * before it blocks inside the call, so the range is already there. A probe at start-up decides.
 *
 * @module
 */

import type { DeviceErrors } from "./device_errors.ts";
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

  /** `queue` is flushed before each copy; buffers have at most `maxBufferSize` bytes. */
  constructor(
    readonly maxBufferSize: number,
    readonly queue: CommandQueue,
    readonly errors: DeviceErrors,
  ) {}

  /**
   * Copies `bytes` from `offset`, once the device has nothing against what was recorded before.
   *
   * @throws {DeviceError} If the device was lost, has no memory left or refused a command
   */
  async read(source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const result = await this.#copy(source, offset, bytes).catch((e) => this.errors.explain(e));
    await this.errors.settle();
    return result;
  }

  async #copy(source: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    // Copies begin and end with whole words.
    const before = offset % 4;
    const length = Math.ceil((before + bytes) / 4) * 4;
    const staging = this.#take(length);
    try {
      this.queue.flush((encoder) => {
        encoder.copyBufferToBuffer(source, offset - before, staging.raw, 0, length);
      });
      const mapped = staging.raw.mapAsync(GPUMapMode.READ, 0, length);
      // A lost device rejects the promise even where nobody waits for it.
      mapped.catch(() => {});
      if (!this.immediate) await mapped;
      const result = staging.raw.getMappedRange(0, length).slice(before, before + bytes);
      staging.raw.unmap();
      this.#free.push(staging);
      return result;
    } catch (error) {
      staging.raw.destroy();
      throw error;
    }
  }

  /** Compares both ways of reading and keeps the fast one where it is right. */
  async probe(): Promise<void> {
    if (!("Deno" in globalThis)) return;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const source = this.errors.createBuffer({ size: 256, usage });
    try {
      for (let round = 1; round <= 3; round++) {
        this.queue.device.queue.writeBuffer(source, 0, new Uint32Array(64).fill(round));
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
    const half = this.maxBufferSize / 2;
    const most = Math.max(bytes, half - half % 4);
    const size = Math.min(most, Math.max(4096, 2 ** Math.ceil(Math.log2(bytes))));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    // Mapped once before, or reading without waiting ends the process.
    const raw = this.errors.createBuffer({ size, usage, mappedAtCreation: true });
    raw.unmap();
    return { raw, size };
  }

  /** Frees the staging memory. */
  close(): void {
    for (const { raw } of this.#free.splice(0)) raw.destroy();
  }
}
