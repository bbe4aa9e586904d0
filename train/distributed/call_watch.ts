/**
 * Calls of NCCL that do not return. To break the communicator off from another thread would free what
 * the call still uses, so the process ends as a whole; the others then name it as lost.
 *
 * @module
 */

import { Worker } from "node:worker_threads";
import type { WatchedCalls } from "./call_watch_worker.ts";
import type { NcclCalls, NcclLibrary } from "./nccl_library.ts";

/**
 * The library, with a thread that ends this process where a call takes too long: calls begin work, which
 * others wait for, so none of them takes more than moments.
 *
 * @param timeout Seconds that a call may take
 */
export function watchedLibrary(library: NcclLibrary, timeout: number): NcclLibrary {
  const count = new Int32Array(new SharedArrayBuffer(4));
  const sentence =
    `Cannot go on as a call of NCCL ${library.version} is required to return within ` +
    `${timeout} s (--distributed-timeout): found none`;
  const workerData: WatchedCalls = { count, limit: 1000 * timeout, sentence };
  const worker = new Worker(new URL("./call_watch_worker.ts", import.meta.url), { workerData });
  // It keeps no process alive that has nothing else to do.
  worker.unref();
  const calls = Object.entries(library.calls).map(([name, call]) => [name, counted(call, count)]);
  return {
    ...library,
    calls: Object.fromEntries(calls) as NcclCalls,
    close() {
      void worker.terminate();
      library.close();
    },
  };
}

/** A function whose calls are counted as they begin and as they end. */
function counted<A extends unknown[], R>(
  call: (...given: A) => R,
  count: Int32Array<SharedArrayBuffer>,
): (...given: A) => R {
  return (...given) => {
    Atomics.add(count, 0, 1);
    try {
      return call(...given);
    } finally {
      Atomics.add(count, 0, 1);
    }
  };
}
