/**
 * What a backend counts from its opening on.
 *
 * @module
 */

import type { BackendStatistics } from "../../core/backend.ts";

/** Counts of buffers, their bytes and programs, kept by the backend that they are of. */
export class Counts implements BackendStatistics {
  /** Buffers allocated and not released. */
  buffers = 0;
  /** Bytes of those buffers. */
  bytes = 0;
  /** Largest value `bytes` has had. */
  peakBytes = 0;
  /** Programs that were queued. */
  runs = 0;

  /** A buffer was allocated. */
  allocated(bytes: number): void {
    this.buffers++;
    this.bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  /** A buffer was released. */
  released(bytes: number): void {
    this.buffers--;
    this.bytes -= bytes;
  }
}
