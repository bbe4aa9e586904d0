/**
 * What went wrong on a device. All commands are given inside error scopes. A device answers in the
 * order of its commands, so what it has against them is known before anything they computed arrives.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";

/** What commands can meet; compilers alone have internal errors. */
const usual: readonly GPUErrorFilter[] = ["out-of-memory", "validation"];
const compilers: readonly GPUErrorFilter[] = ["internal", ...usual];

/** Milliseconds in which a device that failed says whether it was lost. */
const patience = 200;

/**
 * Remembers the first error of a device. It is not forgotten: any memory of the device may hold what
 * the refused commands left, so no later read is answered.
 */
export class DeviceErrors {
  #first: string | undefined;
  #lost: GPUDeviceLostInfo | undefined;
  #answers: Promise<unknown>[] = [];

  /** Listens to the device; `description` names it in messages. */
  constructor(readonly device: GPUDevice, readonly description: string) {
    // Commands that others give to the device.
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#note((event as GPUUncapturedErrorEvent).error.message);
    });
    device.lost.then((lost) => this.#lost = lost);
  }

  /**
   * Gives commands without a wait.
   *
   * @param doing What the commands are for, as messages say it
   * @param compiling Whether the device's compiler is among them
   */
  watch<T>(doing: string, give: () => T, compiling = false): T {
    const filters = compiling ? compilers : usual;
    for (const filter of filters) this.device.pushErrorScope(filter);
    try {
      return give();
    } finally {
      const note = (error: { readonly message: string } | null) => {
        if (error !== null) this.#note(error.message, doing);
      };
      for (const _ of filters) this.#answers.push(this.device.popErrorScope().then(note, note));
    }
  }

  /** Makes a buffer, and watches how that goes. */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    const doing = `making a buffer of ${descriptor.size} bytes`;
    return this.watch(doing, () => this.device.createBuffer(descriptor));
  }

  #note(message: string, doing = "doing what others asked for"): void {
    const lines = message.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    this.#first ??= `${lines.join(" ").slice(0, 300)} (${doing})`;
  }

  /**
   * Waits for what the device has against the commands given so far.
   *
   * @throws {DeviceError} If the device was lost, refused a command or ran out of memory
   */
  async settle(): Promise<void> {
    await this.#answered();
    if (this.#lost !== undefined) throw this.#loss(this.#lost);
    if (this.#first === undefined) return;
    throw new DeviceError(
      `Cannot trust results of ${this.description} as the device reported: ${this.#first}`,
    );
  }

  /** Waits for the answers to all scopes so far, for which others may wait already. */
  async #answered(): Promise<void> {
    const all = Promise.all(this.#answers);
    this.#answers = [all];
    await all;
  }

  /** The first error so far, which is then forgotten: for what is only tried. */
  async take(): Promise<string | undefined> {
    await this.#answered();
    const first = this.#first;
    this.#first = undefined;
    return first;
  }

  /**
   * Called where a read failed.
   *
   * @throws {DeviceError} Always: the loss of the device, what it reported first, or `error`
   */
  async explain(error: unknown): Promise<never> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, patience));
    await Promise.race([this.device.lost, timeout]);
    clearTimeout(timer);
    await this.settle();
    const message = error instanceof Error ? error.message : String(error);
    throw new DeviceError(`Cannot read from ${this.description}: ${message}`, { cause: error });
  }

  #loss({ reason, message }: GPUDeviceLostInfo): DeviceError {
    const told = [message.replace(/[.\s]+$/, ""), this.#first].filter(Boolean);
    return new DeviceError(
      `Cannot go on as ${this.description} was lost (${reason}): ${
        told.join("; ").slice(0, 300)
      }; ` +
        "resume from the last checkpoint",
    );
  }
}
