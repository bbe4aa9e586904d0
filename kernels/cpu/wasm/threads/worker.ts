/**
 * What a thread does: takes slots of a queue in shared memory and runs their tasks. Functions are
 * sent to workers as text, so they must not refer to anything outside themselves.
 *
 * @module
 */

/** Where the words are that threads share; those that change often have a cache line each. */
export const shared = {
  /** First slot that is not filled yet. */
  end: 0,
  /** Slots whose tasks have been run. */
  done: 16,
  /** Number of threads that wait for a wake-up. */
  sleepers: 32,
  /** Address of the scratch of thread 0. */
  scratch: 64,
  /** Bytes of scratch of each thread. */
  scratchBytes: 65,
  /** Slots whose kernel failed. */
  failed: 66,
  /** Not 0 once workers must end. */
  stop: 67,
  /** Workers that ended as there was nothing to do. */
  gone: 68,
  /** Each thread's part: the next slot of it and the first beyond it. */
  parts: 1024,
  /** Words from part to part. */
  partWords: 16,
  /** The word of a part that is 1 while its worker lasts. */
  alive: 2,
  /** Addresses of tasks, by the low bits of their slots. */
  slots: 8192,
  /** Slots that fit at a time, a power of two. */
  slotCount: 4096,
  /** Address and size of each kernel's module. */
  kernels: 12288,
  /** All of them, in bytes. */
  bytes: 81920,
} as const;

/** Threads that the shared words have room for, this one included. */
export const threadCount = (shared.slots - shared.parts) / shared.partWords;
/** Kernels that the function table has room for. */
export const kernelCount = 4096;

/** What a worker is told at its start. */
export interface Start {
  /** Memory of the pool, shared by all threads. */
  readonly memory: WebAssembly.Memory;
  /** Number of the thread; 0 is the one that posts tasks. */
  readonly thread: number;
  /** How many there are. */
  readonly threads: number;
  /** The words of {@linkcode shared}. */
  readonly places: typeof shared;
  /** Milliseconds to look for tasks before sleeping. */
  readonly spinTime: number;
  /** Milliseconds to sleep before ending: sleeping workers would keep a process alive. */
  readonly idleTime: number;
}

/**
 * Takes a queue slot of the thread's own part, or of another's when that is empty: so a thread keeps
 * to the rows that its cache has seen. Returns the address of its task, or 0 where no slot is left.
 */
export function takeSlot(
  words: Int32Array,
  places: typeof shared,
  thread: number,
  threads: number,
): number {
  for (let turn = 0; turn < threads; turn++) {
    const part = places.parts + places.partWords * ((thread + turn) % threads);
    for (;;) {
      const slot = Atomics.load(words, part);
      if ((Atomics.load(words, part + 1) - slot | 0) <= 0) break;
      if (Atomics.compareExchange(words, part, slot, slot + 1 | 0) === slot) {
        return words[places.slots + (slot & places.slotCount - 1)]!;
      }
    }
  }
  return 0;
}

/** The worker's program; `natives` makes the kernels that are no WebAssembly, by number. */
export function worker(
  takeTask: typeof takeSlot,
  natives: Readonly<Record<number, (memory: ArrayBufferLike) => (task: number) => void>>,
  { memory, thread, threads, places, spinTime, idleTime }: Start,
): void {
  const words = new Int32Array(memory.buffer);
  const kernels: ((task: number, scratch: number) => void)[] = [];
  const kernel = (id: number) => {
    const native = natives[id];
    if (native !== undefined) return kernels[id] = native(memory.buffer);
    const place = places.kernels + 2 * id;
    const start = words[place]! >>> 0;
    // What another thread has grown is seen here for certain once it is grown here, if by nothing.
    memory.grow(0);
    const bytes = new Uint8Array(memory.buffer, start, words[place + 1]!).slice();
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      host: { memory },
    });
    return kernels[id] = exports["run"] as (task: number, scratch: number) => void;
  };
  const run = (first: number) => {
    const scratch = words[places.scratch]! + thread * words[places.scratchBytes]!;
    for (let task = first; task !== 0;) {
      const id = words[task >> 2]!;
      (kernels[id] ?? kernel(id))(task, scratch);
      task = words[(task >> 2) + 1]!;
    }
  };
  const sleep = (end: number) => {
    Atomics.add(words, places.sleepers, 1);
    const reason = Atomics.wait(words, places.end, end, idleTime);
    Atomics.sub(words, places.sleepers, 1);
    return reason === "timed-out" && Atomics.load(words, places.end) === end;
  };
  while (Atomics.load(words, places.stop) === 0) {
    const end = Atomics.load(words, places.end);
    const task = takeTask(words, places, thread, threads);
    if (task !== 0) {
      try {
        run(task);
      } catch {
        Atomics.add(words, places.failed, 1);
      }
      Atomics.add(words, places.done, 1);
      continue;
    }
    const until = performance.now() + spinTime;
    let turns = 0;
    while (Atomics.load(words, places.end) === end) {
      if (++turns % 256 !== 0 || performance.now() < until) continue;
      if (!sleep(end)) continue;
      // From here on it takes no task: those that are posted are for the others.
      Atomics.store(words, places.parts + places.partWords * thread + places.alive, 0);
      Atomics.add(words, places.gone, 1);
      return;
    }
  }
}
