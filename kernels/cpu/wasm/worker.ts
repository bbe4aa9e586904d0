/**
 * What a thread does: takes tickets from shared memory and runs their tasks. The function is sent
 * to workers as text, so it must not refer to anything outside itself.
 *
 * @module
 */

/** Numbers of the words that threads share, each on a cache line of its own. */
export const shared = {
  /** Next ticket to take. */
  next: 0,
  /** First ticket that does not exist yet. */
  end: 16,
  /** Tickets done. */
  done: 32,
  /** Threads asleep. */
  sleepers: 48,
  /** Address of the scratch of thread 0. */
  scratch: 64,
  /** Bytes of scratch of each thread. */
  scratchBytes: 65,
  /** Tickets whose kernel failed. */
  failed: 66,
  /** Not 0 once workers must end. */
  stop: 67,
  /** Addresses of tasks, by the low bits of their tickets. */
  tickets: 4096,
  /** Address and size of each kernel's module. */
  kernels: 8192,
  /** All of them, in bytes. */
  bytes: 65536,
} as const;

/** Tickets that fit at a time. */
export const ticketCount = 4096;
/** Kernels that fit. */
export const kernelCount = 4096;

/** What a worker is told at its start. */
export interface Start {
  /** The shared memory. */
  readonly memory: WebAssembly.Memory;
  /** Number of the thread; 0 is the one that posts tasks. */
  readonly thread: number;
  /** The words of {@linkcode shared}. */
  readonly places: typeof shared;
  /** Milliseconds to look for tickets before sleeping. */
  readonly patience: number;
}

/** The worker's program; `natives` makes the kernels that are no WebAssembly, by number. */
export function worker(
  natives: Readonly<Record<number, (memory: ArrayBufferLike) => (task: number) => void>>,
): void {
  globalThis.addEventListener("message", (event) => {
    const { memory, thread, places, patience } = (event as MessageEvent<Start>).data;
    const words = new Int32Array(memory.buffer);
    const kernels: ((task: number, scratch: number) => void)[] = [];
    const kernel = (id: number) => {
      const native = natives[id];
      if (native !== undefined) return kernels[id] = native(memory.buffer);
      const place = places.kernels + 2 * id;
      const start = words[place]! >>> 0;
      const bytes = new Uint8Array(memory.buffer, start, words[place + 1]!).slice();
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
        host: { memory },
      });
      return kernels[id] = exports["run"] as (task: number, scratch: number) => void;
    };
    const run = (ticket: number) => {
      const scratch = words[places.scratch]! + thread * words[places.scratchBytes]!;
      for (let task = words[places.tickets + (ticket & 4095)]!; task !== 0;) {
        const id = words[task >> 2]!;
        (kernels[id] ?? kernel(id))(task, scratch);
        task = words[(task >> 2) + 1]!;
      }
    };
    while (Atomics.load(words, places.stop) === 0) {
      const ticket = Atomics.load(words, places.next);
      const end = Atomics.load(words, places.end);
      if (ticket !== end) {
        if (Atomics.compareExchange(words, places.next, ticket, ticket + 1 | 0) !== ticket) {
          continue;
        }
        try {
          run(ticket);
        } catch {
          Atomics.add(words, places.failed, 1);
        }
        Atomics.add(words, places.done, 1);
        continue;
      }
      const until = performance.now() + patience;
      let turns = 0;
      while (Atomics.load(words, places.end) === end) {
        if (++turns % 256 !== 0 || performance.now() < until) continue;
        Atomics.add(words, places.sleepers, 1);
        Atomics.wait(words, places.end, end);
        Atomics.sub(words, places.sleepers, 1);
      }
    }
    globalThis.close();
  });
}
