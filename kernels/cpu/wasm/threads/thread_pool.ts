/**
 * Kernels and the threads that run them. Tasks are written to memory, then run here or shared with
 * workers through slots of a queue; which thread takes a slot never changes a result.
 *
 * @module
 */

import { DeviceError } from "../../../../core/errors.ts";
import type { Heap } from "./heap.ts";
import type { Native, Run } from "../product/blas.ts";
import { head } from "./task.ts";
import { type StartedWorker, startWorker } from "./start_worker.ts";
import { kernelCount, shared, type Start, takeSlot, worker } from "./worker.ts";

/** Milliseconds a worker looks for tasks before it sleeps. */
const spinTime = 1;
/** Milliseconds a worker sleeps before it ends; the next tasks start it anew. */
const idleTime = 1000;
const taskBytes = 2 ** 20;

/** Threads over one memory; thread 0 is the caller's. */
export class ThreadPool {
  readonly #words: Int32Array;
  readonly #kernels: Run[] = [];
  readonly #natives: string[] = [];
  readonly #workers = new Map<number, StartedWorker>();
  readonly #tasks: number;
  #top: number;
  #scratch = 0;
  #scratchBytes = 0;

  /**
   * Makes a thread pool; workers start when there is work to share.
   *
   * @param heap The memory, a shared one for several threads
   * @param threads How many threads run tasks
   */
  constructor(readonly heap: Heap, readonly threads: number) {
    this.#words = new Int32Array(heap.memory.buffer);
    this.#top = this.#tasks = this.#allocate(taskBytes);
  }

  /** Registers a module; its number stands at the head of its tasks. */
  kernel(bytes: Uint8Array<ArrayBuffer>): number {
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, { host: { memory: this.heap.memory } });
    const id = this.#add(exports["run"] as Run);
    if (this.threads > 1) {
      const address = this.#allocate(bytes.length);
      new Uint8Array(this.heap.memory.buffer, address, bytes.length).set(bytes);
      this.#words.set([address, bytes.length], shared.kernels + 2 * id);
    }
    return id;
  }

  /** Registers a kernel that is no WebAssembly, before any task runs. */
  native({ bind, text }: Native): number {
    const id = this.#add(bind(this.heap.memory.buffer));
    this.#natives.push(`${id}: ${text}`);
    return id;
  }

  #add(run: Run): number {
    if (this.#kernels.length === kernelCount) {
      throw new DeviceError(`Cannot make another kernel as ${kernelCount} are the most`);
    }
    return this.#kernels.push(run) - 1;
  }

  /** Room of at least `bytes` that each thread has to itself while a task runs. */
  reserve(bytes: number): void {
    if (bytes <= this.#scratchBytes) return;
    const { heap, threads } = this;
    if (this.#scratch > 0) heap.release(this.#scratch, this.#scratchBytes * threads);
    this.#scratchBytes = Math.ceil(bytes / 4096) * 4096;
    this.#scratch = this.#allocate(this.#scratchBytes * threads);
    this.#words[shared.scratch] = this.#scratch;
    this.#words[shared.scratchBytes] = this.#scratchBytes;
  }

  /** Whether tasks should run before more are written. */
  get full(): boolean {
    return this.#top > this.#tasks + taskBytes / 2;
  }

  /** Writes a task, which lasts until the next run. */
  task(kernel: number, words: readonly number[], next = 0): number {
    const address = this.#top;
    this.#top += 4 * (head + words.length);
    if (this.#top > this.#tasks + taskBytes) {
      this.#top = this.#tasks;
      throw new DeviceError("Cannot hold so many tasks");
    }
    let at = address >> 2;
    this.#words[at++] = kernel;
    this.#words[at++] = next;
    for (const word of words) this.#words[at++] = word;
    return address;
  }

  /** Runs tasks, in any order and on any thread, and forgets them. */
  run(tasks: readonly number[]): void {
    if (tasks.length === 1 || this.threads === 1) this.runHere(tasks);
    else {
      for (let from = 0; from < tasks.length; from += shared.slotCount) {
        this.#share(tasks.slice(from, from + shared.slotCount));
      }
    }
    this.#top = this.#tasks;
  }

  /** Runs tasks in order on the caller's thread, and forgets them. */
  runHere(tasks: readonly number[]): void {
    for (const task of tasks) this.#chain(task);
    this.#top = this.#tasks;
  }

  /** Tells the workers to end; tasks must be done. */
  close(): void {
    this.heap.close(this.#workers.size === 0);
    if (this.#workers.size === 0) return;
    // A worker that sleeps cannot be terminated: it is woken and ends by itself.
    Atomics.store(this.#words, shared.stop, 1);
    Atomics.add(this.#words, shared.end, 1);
    Atomics.notify(this.#words, shared.end);
    for (const started of this.#workers.values()) started.terminate();
  }

  /** Starts the workers that do not run: all of them at first, then those that have ended. */
  #start(): void {
    const { threads, heap: { memory } } = this;
    const words = this.#words;
    Atomics.store(words, shared.gone, 0);
    const program = `(${worker})(${takeSlot}, {${this.#natives}}, start)`;
    for (let thread = 1; thread < threads; thread++) {
      const alive = shared.parts + shared.partWords * thread + shared.alive;
      if (Atomics.exchange(words, alive, 1) === 1) continue;
      const start: Start = { memory, thread, threads, places: shared, spinTime, idleTime };
      this.#workers.set(thread, startWorker(program, start));
    }
  }

  #share(tasks: readonly number[]): void {
    const { threads } = this;
    const words = this.#words;
    if (this.#workers.size === 0 || Atomics.load(words, shared.gone) > 0) this.#start();
    const first = words[shared.end]!;
    tasks.forEach((task, i) => {
      words[shared.slots + (first + i & shared.slotCount - 1)] = task;
    });
    for (let thread = 0; thread < threads; thread++) {
      const part = shared.parts + shared.partWords * thread;
      const edge = (thread: number) => first + Math.floor(tasks.length * thread / threads) | 0;
      // In this order: whoever sees the old end of the part takes none of it.
      Atomics.store(words, part, edge(thread));
      Atomics.store(words, part + 1, edge(thread + 1));
    }
    const end = first + tasks.length | 0;
    Atomics.store(words, shared.end, end);
    if (Atomics.load(words, shared.sleepers) > 0) Atomics.notify(words, shared.end);
    for (let task; (task = takeSlot(words, shared, 0, threads)) !== 0;) {
      this.#chain(task);
      Atomics.add(words, shared.done, 1);
    }
    while (Atomics.load(words, shared.done) !== end);
    if (words[shared.failed] !== 0) throw new DeviceError("Cannot go on as a thread failed");
  }

  #chain(first: number): void {
    for (let task = first; task !== 0; task = this.#words[(task >> 2) + 1]!) {
      this.#kernels[this.#words[task >> 2]!]!(task, this.#scratch);
    }
  }

  #allocate(bytes: number): number {
    const address = this.heap.allocate(bytes);
    if (address === undefined) throw new DeviceError(`Cannot reserve ${bytes} bytes of memory`);
    return address;
  }
}
