/**
 * Work that others put on the stream, caught as a graph.
 *
 * @module
 */

import type { Driver } from "../driver/driver.ts";

/** CU_STREAM_CAPTURE_MODE_RELAXED: other threads may call the driver meanwhile. */
const relaxed = 2;

/**
 * Gives what `queue` puts on the stream to `use`, as a graph that is there as long as `use` runs.
 * Whatever fails, the stream is not captured afterwards.
 *
 * @throws {DeviceError} If the driver fails
 */
export function withCaptured<T>(
  driver: Driver,
  queue: () => void,
  use: (graph: number) => T,
): T {
  const { calls } = driver.library;
  const out = new Uint8Array(8);
  const graph = () => Number(new DataView(out.buffer).getBigUint64(0, true));
  driver.call("cuStreamBeginCapture_v2", driver.stream, relaxed);
  let ended = 0;
  try {
    try {
      queue();
    } finally {
      ended = calls.cuStreamEndCapture(driver.stream, out);
    }
    if (ended !== 0) throw driver.failure("cuStreamEndCapture", ended);
    return use(graph());
  } finally {
    if (graph() !== 0) calls.cuGraphDestroy(graph());
  }
}
