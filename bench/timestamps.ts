// What each program of a step takes on a GPU, by its own clock.
import type { Backend } from "../core/backend.ts";
import { WebGpuBackend } from "../kernels/webgpu/backend.ts";

/** The most that a set of queries holds. */
const queries = 4096;

/** Times of dispatches, under the names of what they were made for. */
export class Timestamps {
  readonly #names: string[] = [];
  readonly #set: GPUQuerySet;
  /** What the next dispatches are made for. */
  name = "";

  private constructor(readonly backend: WebGpuBackend) {
    this.#set = backend.device.createQuerySet({ type: "timestamp", count: queries });
    backend.timing = () => this.#next();
  }

  /** Begins to measure; absent where the backend has no clock on the GPU. */
  static of(backend: Backend): Timestamps | undefined {
    return backend instanceof WebGpuBackend && backend.device.features.has("timestamp-query")
      ? new Timestamps(backend)
      : undefined;
  }

  #next(): GPUComputePassTimestampWrites {
    const at = 2 * this.#names.length;
    if (at === queries) throw new RangeError(`Cannot time more than ${queries / 2} dispatches`);
    this.#names.push(this.name);
    return {
      querySet: this.#set,
      beginningOfPassWriteIndex: at,
      endOfPassWriteIndex: at + 1,
    };
  }

  /** Ends measuring; microseconds of each name, once all of it was submitted. */
  async read(): Promise<Map<string, number>> {
    this.backend.timing = undefined;
    const { device } = this.backend;
    const count = 2 * this.#names.length;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = device.createBuffer({ size: 8 * count, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = device.createBuffer({ size: 8 * count, usage: COPY_DST | MAP_READ });
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(this.#set, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const times = new BigUint64Array(staging.getMappedRange());
    const sums = new Map<string, number>();
    this.#names.forEach((name, i) => {
      const microseconds = Number(times[2 * i + 1]! - times[2 * i]!) / 1000;
      sums.set(name, (sums.get(name) ?? 0) + microseconds);
    });
    for (const buffer of [resolved, staging]) buffer.destroy();
    this.#set.destroy();
    return sums;
  }
}
