/**
 * What went wrong on a device: errors that nobody waits for, and its loss.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";

/** Remembers the first error of a device. */
export class DeviceErrors {
  #first: string | undefined;

  /** Listens to the device; `description` names it in messages. */
  constructor(readonly device: GPUDevice, readonly description: string) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#first ??= (event as GPUUncapturedErrorEvent).error.message.trim().split("\n")[0];
    });
  }

  /**
   * Called before results are handed out.
   *
   * @throws {DeviceError} If the device refused a command or ran out of memory
   */
  check(): void {
    if (this.#first === undefined) return;
    throw new DeviceError(`Cannot trust results as the device reported: ${this.#first}`);
  }

  /** The loss of the device behind an error, where that is the reason; else the error itself. */
  async explain(error: unknown): Promise<unknown> {
    const timeout = new Promise<undefined>((resolve) => setTimeout(resolve, 200, undefined));
    const lost = await Promise.race([this.device.lost, timeout]);
    if (lost === undefined) return error;
    return new DeviceError(
      `Cannot go on as ${this.description} was lost (${lost.reason}): ${lost.message}; ` +
        "resume from the last checkpoint",
    );
  }
}
