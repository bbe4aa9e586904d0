/**
 * What a thread does that compiles programs for another one. The function is sent to workers as text,
 * so it must not refer to anything outside itself.
 *
 * @module
 */

/** Where the words are that threads share. */
export const compileWords = {
  /** Jobs that were posted. */
  posted: 0,
  /** Not 0 once workers must end. */
  stop: 1,
  /** Workers that have not ended. */
  alive: 2,
  /** First job. */
  jobs: 16,
  /** Words of a job: its state, place and bytes of its text, the driver's code, the handle. */
  jobWords: 8,
  /** States of a job: nobody has it, somebody has, it is done. */
  free: 0,
  taken: 1,
  done: 2,
  /** Nothing is to be done with it any more. */
  gone: 3,
} as const;

/** What a worker is told at its start. */
export interface CompileStart {
  /** Words of all jobs. */
  readonly words: Int32Array;
  /** Texts, one after another. */
  readonly texts: Uint8Array;
  /** Words of {@linkcode compileWords}. */
  readonly places: typeof compileWords;
  /** The driver's library. */
  readonly path: string;
  /** Types of the arguments of `cuLibraryLoadData`. */
  readonly parameters: readonly string[];
  /** Milliseconds without a job after which the worker ends. */
  readonly idleTime: number;
}

/** The part of the host that a worker uses. */
export interface CompileHost {
  dlopen(
    path: string,
    symbols: Readonly<Record<string, { parameters: readonly string[]; result: string }>>,
  ): {
    readonly symbols: {
      cuLibraryLoadData(out: Uint8Array, text: Uint8Array, ...none: number[]): number;
    };
    close(): void;
  };
}

/** The worker's program: it ends when there was nothing to do for long. */
export function compileWorker(
  host: CompileHost,
  { words, texts, places, path, parameters, idleTime }: CompileStart,
): void {
  const opened = host.dlopen(path, { cuLibraryLoadData: { parameters, result: "i32" } });
  const { symbols } = opened;
  const library = new Uint8Array(8);
  const handle = new Int32Array(library.buffer);
  const compile = (job: number) => {
    const [start, size] = [words[job + 1]!, words[job + 2]!];
    // CUDA_ERROR_UNKNOWN: whoever waits is told, whatever happens here.
    words[job + 3] = 999;
    try {
      // The driver is given memory of this thread's own.
      const text = texts.slice(start, start + size);
      words[job + 3] = symbols.cuLibraryLoadData(library, text, 0, 0, 0, 0, 0, 0);
      words.set(handle, job + 4);
    } finally {
      Atomics.store(words, job, places.done);
      Atomics.notify(words, job);
    }
  };
  let next = 0;
  while (Atomics.load(words, places.stop) === 0) {
    const posted = Atomics.load(words, places.posted);
    for (; next < posted; next++) {
      const job = places.jobs + next * places.jobWords;
      if (Atomics.compareExchange(words, job, places.free, places.taken) === places.free) {
        compile(job);
      }
    }
    if (Atomics.wait(words, places.posted, posted, idleTime) === "timed-out") break;
  }
  opened.close();
}
