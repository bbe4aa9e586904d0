/**
 * Memory that several runs of one process share: what one was promised and has not taken yet is not free
 * for another, although nobody holds it.
 *
 * @module
 */

import type { Backend } from "../../core/backend.ts";
import type { CudaBackend } from "../../kernels/cuda/backend.ts";

/** What a run was promised. */
interface Promised {
  /** What has the memory. */
  readonly place: string;
  /** Bytes that it may take. */
  readonly bytes: number;
  /** Tells how many it took so far, which its backend keeps. */
  readonly taken: () => number;
}

const promised = new Map<MemoryShare, Promised>();
let ended = Promise.withResolvers<void>();

/** The share of a run, until that is over. */
export class MemoryShare implements Disposable {
  /** Promises a run what it will take at most. */
  promise(backend: Backend, bytes: number): void {
    promised.set(this, { place: placeOf(backend), bytes, taken: () => takenBy(backend) });
  }

  /** Gives the share back; runs that wait for it look again. */
  [Symbol.dispose](): void {
    if (!promised.delete(this)) return;
    ended.resolve();
    ended = Promise.withResolvers();
  }
}

/** What the runs of this process have in the memory of a backend. */
export interface MemoryOfRuns {
  /** How many they are. */
  readonly runs: number;
  /** Bytes that they took. */
  readonly taken: number;
  /** Bytes that they still may take. */
  readonly promised: number;
}

/** The same, now. */
export function memoryOfRuns(backend: Backend): MemoryOfRuns {
  const place = placeOf(backend);
  const found = { runs: 0, taken: 0, promised: 0 };
  for (const { bytes, taken, place: other } of promised.values()) {
    if (other !== place) continue;
    found.runs++;
    found.taken += taken();
    found.promised += Math.max(0, bytes - taken());
  }
  return found;
}

/** Waits until a run of this process is over, or the signal says so. */
export async function shareEnded(signal: AbortSignal | undefined): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const abort = () => resolve();
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  await Promise.race([ended.promise, aborted]);
  signal?.removeEventListener("abort", abort);
}

function placeOf(backend: Backend): string {
  return backend.name === "cuda" ? (backend as CudaBackend).driver.facts.address : "machine";
}

/** Backends keep what they took once: a card's is counted, of others the most that there was. */
function takenBy(backend: Backend): number {
  return backend.name === "cuda"
    ? (backend as CudaBackend).heldBytes
    : backend.statistics.peakBytes;
}
