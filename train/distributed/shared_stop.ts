/**
 * Stopping together: signals reach processes at different moments, and all must stop behind the same step.
 *
 * @module
 */

import type { Group } from "./group.ts";

/** The wish of some process to stop, which becomes everyone's signal once all were told. */
export class SharedStop {
  readonly #agreed = new AbortController();

  /** Takes the signal that asks this process to stop, if any does. */
  constructor(private readonly asked: AbortSignal | undefined) {}

  /** 1 where this process was asked to stop, to be summed over all. */
  get wishes(): number {
    return this.asked?.aborted ? 1 : 0;
  }

  /** What the run is to heed: the same in every process at every step. */
  get signal(): AbortSignal {
    return this.#agreed.signal;
  }

  /** Is told how many processes were asked. */
  agree(wishes: number): void {
    if (wishes > 0) this.#agreed.abort();
  }

  /** The group, whose gathered texts bring wishes with them: all processes hear of one at the same text. */
  heedingIn(group: Group): Group {
    const { rank, size, name, host } = group;
    return {
      ...{ rank, size, name, host },
      sum: (values) => group.sum(values),
      gather: async (text) => {
        const told = await group.gather(`${this.wishes}${text}`);
        this.agree(told.filter((one) => one.startsWith("1")).length);
        return told.map((one) => one.slice(1));
      },
      abort: (code) => group.abort(code),
      [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
    };
  }
}
