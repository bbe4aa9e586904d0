// NCCL of processes that all live in this one: it sums memory of their interpreted cards once all have
// asked, as a stream would.
import { ncclResults } from "../../../train/distributed/nccl_library.ts";
import type { NcclCalls, NcclLibrary } from "../../../train/distributed/nccl_library.ts";
import type { DriverState } from "../ptx/driver_state.ts";

/** A sum that a process asked for. */
interface Asked {
  readonly state: DriverState;
  readonly address: number;
  readonly count: number;
}

/** What the processes share. */
export class MemoryNccl {
  /** What each process asked for and is not summed yet. */
  readonly #asked: Asked[][];
  readonly #ids: string[] = [];
  /** Calls of all processes, in order, such as `0 abort`. */
  readonly calls: string[] = [];
  /** Results that functions give instead of doing anything. */
  readonly failures = new Map<keyof NcclCalls, number>();
  /** Whether the card of a process never sums. */
  hung = false;

  constructor(readonly size: number) {
    this.#asked = Array.from({ length: size }, () => []);
  }

  /** The library as a process has it. */
  of(rank: number, state: DriverState, version = "2.27.5"): NcclLibrary {
    let stream = NaN;
    const own = this.#asked[rank]!;
    const noted = (name: keyof NcclCalls, work: () => number = () => 0) => {
      this.calls.push(`${rank} ${name}`);
      return this.failures.get(name) ?? work();
    };
    const calls: NcclCalls = {
      uniqueId: (id) => noted("uniqueId", () => (id.fill(7), 0)),
      init: (out, size, id, given) =>
        noted("init", () => {
          if (size !== this.size || given !== rank) return 4;
          this.#ids.push(id.toHex());
          out[0] = 1 + rank;
          return ncclResults.inProgress;
        }),
      groupStart: () => noted("groupStart"),
      groupEnd: () => noted("groupEnd", () => ncclResults.inProgress),
      sum: (address, count, communicator, at) =>
        noted("sum", () => {
          stream = at;
          own.push({ state, address, count });
          return communicator === 1 + rank && stream === state.stream ? 0 : 4;
        }),
      state: (_, out) => {
        this.#sum();
        out[0] = this.failures.get("state") ?? (this.#isReady(rank) ? 0 : ncclResults.inProgress);
        return 0;
      },
      finalize: () => noted("finalize"),
      destroy: () => noted("destroy"),
      abort: () => noted("abort"),
      meaning: (result) => `meaning of ${result}`,
      lastError: () => "details",
    };
    return { version, calls, leave: () => {}, close: () => {} };
  }

  #isReady(rank: number): boolean {
    const { length } = new Set(this.#ids).size === 1 ? this.#ids : [];
    return length === this.size && this.#asked[rank]!.length === 0;
  }

  /** Sums what all have asked for. */
  #sum(): void {
    while (!this.hung && this.#asked.every((list) => list.length > 0)) {
      const together = this.#asked.map((list) => list.shift()!);
      const views = together.map(({ state: { memory }, address, count }) =>
        new Float32Array(memory.bytes.buffer, address - memory.base, count)
      );
      const [first] = views;
      const sums = first!.map((_, i) => views.reduce((sum, view) => sum + view[i]!, 0));
      for (const view of views) view.set(sums);
    }
  }
}
