/**
 * Opening a card by the driver's interface, for hosts that open libraries. All else is loaded when one
 * is asked for, so that a page does without.
 *
 * @module
 */

import type { CudaBackend } from "./backend.ts";
import type { CudaOptions } from "./start.ts";

/**
 * Opens an NVIDIA card; see `openCuda`.
 *
 * @returns The backend, or `undefined` where the host opens no libraries, or has no driver or card
 * @throws {OptionError} If there is no such card or precision, or no cuBLASLt at the path
 * @throws {DeviceError} If the driver fails, or the card is too old
 */
export async function openCard(options: CudaOptions = {}): Promise<CudaBackend | undefined> {
  const { startCuda } = await import("./start.ts");
  return startCuda(options);
}
