/**
 * Copies between host and card. What is read goes through pinned memory of the host, which the card
 * writes without the driver's help.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";

/** Bytes of pinned memory. */
const stagingBytes = 4 * 2 ** 20;

/** Copies in the order of the stream. */
export class Staging {
  readonly #address: number;
  readonly #bytes: Uint8Array;
  /** Reads share the pinned memory, so each waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param driver Copies on its stream */
  constructor(readonly driver: Driver) {
    this.#address = driver.result("cuMemHostAlloc", stagingBytes, 0);
    this.#bytes = driver.library.memoryAt(this.#address, stagingBytes);
  }

  /** Copies to the card; the source may change as soon as this returns. */
  write(address: number, source: ArrayBufferView): void {
    const bytes = new Uint8Array(
      source.buffer as ArrayBuffer,
      source.byteOffset,
      source.byteLength,
    );
    this.driver.call("cuMemcpyHtoDAsync_v2", address, bytes, bytes.length, this.driver.stream);
  }

  /** Copies from the card, after all that was launched before. */
  read(address: number, bytes: number): Promise<ArrayBuffer> {
    const result = new Uint8Array(bytes);
    const copied = this.#last.then(async () => {
      for (let at = 0; at < bytes; at += stagingBytes) {
        const size = Math.min(stagingBytes, bytes - at);
        const { stream } = this.driver;
        this.driver.call("cuMemcpyDtoHAsync_v2", this.#address, address + at, size, stream);
        await this.driver.wait();
        result.set(this.#bytes.subarray(0, size), at);
      }
      return result.buffer;
    });
    this.#last = copied.catch(() => {});
    return copied;
  }

  /** Resolves once no read is on its way, whatever came of it. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** Gives the pinned memory back. */
  close(): void {
    this.driver.library.calls.cuMemFreeHost(this.#address);
  }
}
