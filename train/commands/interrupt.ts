/**
 * Signals that ask the process to end: what trains saves a checkpoint first.
 *
 * @module
 */

/** Exit code of a process that was asked to end. */
export const terminated = 143;

/** Signals that ask a process to end, with the exit code of one that did; Windows has the first. */
const endings: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130]]
  : [["SIGINT", 130], ["SIGHUP", 129], ["SIGTERM", terminated]];

/** The first signal that asks the process to end asks training to; a second one ends it at once. */
export class Interrupt {
  /** Exit code of a process that ended by the signal. */
  code = 0;
  readonly #controller = new AbortController();
  readonly #listeners = endings.map(([name, code]) => ({ name, stop: () => this.#stop(code) }));

  /** Listens from now on. */
  constructor() {
    for (const { name, stop } of this.#listeners) Deno.addSignalListener(name, stop);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #stop(code: number): void {
    this.code = code;
    this[Symbol.dispose]();
    this.#controller.abort();
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const { name, stop } of this.#listeners) Deno.removeSignalListener(name, stop);
  }
}
