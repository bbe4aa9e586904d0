/**
 * Turns of the event loop between computations, which else are one task from start to end: results
 * that are there at once are handed over by microtasks, and timers, signals and repaints wait.
 *
 * @module
 */

/** Milliseconds of computing between turns. */
const interval = 10;

/** Gives the event loop a turn from time to time. */
export class Turns {
  #last = performance.now();

  /** A task of its own to wait for where the last turn is longer ago than 10 ms, else nothing. */
  next(): Promise<void> | undefined {
    if (performance.now() - this.#last < interval) return undefined;
    return nextTask().then(() => {
      this.#last = performance.now();
    });
  }
}

/** Resolves in a task of its own. Timers would do, but wait for 4 ms where they are nested. */
function nextTask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
  return new Promise((resolve) => {
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
