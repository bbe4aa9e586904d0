/**
 * Threads that compile programs while the host goes on. Where the driver has what it compiled before,
 * that would not pay: they start once a program has taken long.
 *
 * @module
 */

import { compileWords, compileWorker } from "./compile_worker.ts";
import { libraryLoadData } from "./ffi.ts";

const { posted, stop, alive, jobs, jobWords, free, taken, gone } = compileWords;

/** Milliseconds after which a program has taken long. */
const long = 20;
/** Milliseconds that a worker waits for jobs before it ends: waiting, it keeps a process alive. */
const idleTime = 500;
/** Programs and bytes of text that there is room for; what comes later is compiled by the host. */
const [mostJobs, textBytes] = [1024, 16 * 2 ** 20];

/** How threads start. */
export interface CompilerOptions {
  /** The driver's library. */
  readonly path: string;
  /** Most threads. */
  readonly threads: number;
  /** What workers have for a host, as text. */
  readonly host?: string;
}

/** A program as a thread has loaded it: the driver calls it a library. */
export interface LoadedProgram {
  /** The driver's code. */
  readonly code: number;
  /** Its handle, where the code is 0. */
  readonly handle: number;
}

/** What compiles while the host goes on. */
export interface Compiling {
  /** Tells how long the host took to compile a program. */
  took(milliseconds: number): void;
  /** Posts a text; gives the number of the job, or nothing where the host had better compile it. */
  post(text: Uint8Array): number | undefined;
  /** Waits for a job; nothing where no thread had begun it: then it is the caller's. */
  take(number: number): LoadedProgram | undefined;
  /** Ends the threads, after what they are at; gives the handles of programs that nobody took. */
  close(): number[];
}

/** Threads beside one that runs programs. What they load belongs to no context. */
export class Compilers implements Compiling {
  #words: Int32Array | undefined;
  #texts: Uint8Array | undefined;
  #used = 0;
  #count = 0;
  #slow = false;
  #url: string | undefined;
  readonly #workers: Worker[] = [];

  /** @param options How threads start */
  constructor(readonly options: CompilerOptions) {}

  /** Tells how long the host took to compile a program. */
  took(milliseconds: number): void {
    this.#slow ||= milliseconds > long;
  }

  /** Posts a text; gives the number of the job, or nothing where the host had better compile it. */
  post(text: Uint8Array): number | undefined {
    if (!this.#slow || this.#count === mostJobs || this.#used + text.length > textBytes) {
      return undefined;
    }
    const words = this.#words ??= new Int32Array(
      new SharedArrayBuffer(4 * (jobs + jobWords * mostJobs)),
    );
    const texts = this.#texts ??= new Uint8Array(new SharedArrayBuffer(textBytes));
    texts.set(text, this.#used);
    const number = this.#count++;
    words.set([free, this.#used, text.length], jobs + jobWords * number);
    this.#used += text.length;
    Atomics.store(words, posted, this.#count);
    Atomics.notify(words, posted);
    if (Atomics.load(words, alive) < this.options.threads) this.#start(words, texts);
    return number;
  }

  /** Waits for a job; nothing where no thread had begun it: then it is the caller's. */
  take(number: number): LoadedProgram | undefined {
    const words = this.#words!;
    const job = jobs + jobWords * number;
    if (Atomics.compareExchange(words, job, free, gone) === free) return undefined;
    while (Atomics.load(words, job) === taken) Atomics.wait(words, job, taken);
    Atomics.store(words, job, gone);
    const [low, high] = [words[job + 4]! >>> 0, words[job + 5]! >>> 0];
    return { code: words[job + 3]!, handle: low + 2 ** 32 * high };
  }

  #start(words: Int32Array, texts: Uint8Array): void {
    const { path, host = "Deno" } = this.options;
    // Whatever fails in a worker, the host compiles what no worker has taken.
    const text = `addEventListener("message", ({ data }) => {
      try {
        (${compileWorker})(${host}, data);
      } finally {
        Atomics.sub(data.words, data.places.alive, 1);
        close();
      }
    });`;
    this.#url ??= URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    Atomics.add(words, alive, 1);
    const worker = new Worker(this.#url, { type: "module" });
    const places = compileWords;
    worker.addEventListener("error", (event) => event.preventDefault());
    const parameters = libraryLoadData;
    worker.postMessage({ words, texts, places, path, parameters, idleTime });
    this.#workers.push(worker);
  }

  /** Ends the threads, after what they are at; gives the handles of programs that nobody took. */
  close(): number[] {
    const words = this.#words;
    if (words === undefined) return [];
    Atomics.store(words, stop, 1);
    Atomics.add(words, posted, 1);
    Atomics.notify(words, posted);
    const left: number[] = [];
    for (let number = 0; number < this.#count; number++) {
      if (Atomics.load(words, jobs + jobWords * number) === gone) continue;
      const program = this.take(number);
      if (program?.code === 0) left.push(program.handle);
    }
    for (const worker of this.#workers.splice(0)) worker.terminate();
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#words = undefined;
    return left;
  }
}

/** Threads that compile, where the host has such. */
export function compilersOf(options: CompilerOptions): Compilers | undefined {
  const has = typeof Worker === "function" && typeof SharedArrayBuffer === "function";
  return has && options.threads > 0 ? new Compilers(options) : undefined;
}
