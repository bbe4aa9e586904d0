/**
 * Programs that the driver has compiled, one a text. They are loaded as libraries, which any thread may
 * do, each beside the others; modules are compiled one after another.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";
import type { Compiling } from "../driver/compilers.ts";
import type { Driver } from "../driver/driver.ts";
import type { PtxProgram } from "../ptx/text.ts";

/** A compiled program. */
export interface Kernel {
  /** The driver's handle. */
  readonly handle: number;
  /** What it is, for messages. */
  readonly name: string;
  /** Threads of a block. */
  readonly threads: number;
  /** Bytes of shared memory that a launch asks for. */
  readonly sharedBytes: number;
  /** Bytes of parameters. */
  readonly parameterBytes: number;
}

/** CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES. */
const mostShared = 8;
/** Shared memory that a program has without asking, in bytes. */
const freeShared = 48 * 1024;
/** Bytes of parameters that every card takes. */
export const mostParameters = 4096;
const entry = new TextEncoder().encode("program\0");

/** A program that a thread compiles: whoever asks for its handle waits. */
class PendingKernel implements Kernel {
  #handle: number | undefined;

  /** @param wait Gives the handle, once the program is compiled */
  constructor(
    readonly name: string,
    readonly sizes: Pick<PtxProgram, "threads" | "sharedBytes" | "parameterBytes">,
    readonly wait: () => number,
  ) {}

  get handle(): number {
    return this.#handle ??= this.wait();
  }

  get threads(): number {
    return this.sizes.threads;
  }

  get sharedBytes(): number {
    return this.sizes.sharedBytes;
  }

  get parameterBytes(): number {
    return this.sizes.parameterBytes;
  }
}

/** Compiles texts, each once. */
export class Modules {
  readonly #kernels = new Map<string, Kernel>();
  /** Handles of what was loaded; the driver calls it libraries. */
  readonly #loaded: number[] = [];
  /** Jobs whose handle nobody has asked for yet. */
  readonly #pending = new Set<number>();

  /**
   * @param driver Compiles for its card
   * @param compilers Threads that compile, where there are some
   */
  constructor(readonly driver: Driver, readonly compilers?: Compiling) {}

  /** Whether programs are being compiled that nobody has waited for. */
  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /**
   * The kernel of a key; `render` is called the first time. Where a thread compiles it, a text that the
   * driver refuses is told when its handle is asked for.
   *
   * @throws {DeviceError} If the driver refuses the text, or the card has too little shared memory
   */
  compile(key: string, name: string, render: () => PtxProgram): Kernel {
    let found = this.#kernels.get(key);
    if (found !== undefined) return found;
    const program = render();
    const { code, sharedBytes, parameterBytes } = program;
    const { driver } = this;
    if (sharedBytes > driver.facts.sharedBytes) {
      throw new DeviceError(
        `Cannot run ${name} as it needs ${sharedBytes} bytes of shared memory: ` +
          `${driver.facts.name} has ${driver.facts.sharedBytes}`,
      );
    }
    if (parameterBytes > mostParameters) {
      throw new DeviceError(
        `Cannot run ${name} as it has ${parameterBytes} bytes of parameters: a launch takes ` +
          `${mostParameters}`,
      );
    }
    const text = new TextEncoder().encode(`// ${key}\n${code}\0`);
    const job = this.compilers?.post(text);
    if (job === undefined) {
      const handle = this.#functionOf(this.#load(text), sharedBytes);
      found = { handle, name, threads: program.threads, sharedBytes, parameterBytes };
    } else {
      this.#pending.add(job);
      found = new PendingKernel(name, program, () => {
        this.#pending.delete(job);
        return this.#functionOf(this.#taken(job, text), sharedBytes);
      });
    }
    this.#kernels.set(key, found);
    return found;
  }

  /** Loads a text on this thread. */
  #load(text: Uint8Array): number {
    const start = performance.now();
    const loaded = this.driver.result("cuLibraryLoadData", text, 0, 0, 0, 0, 0, 0);
    this.compilers?.took(performance.now() - start);
    return loaded;
  }

  /** The program of a job, once a thread has loaded it; where none has begun, this one does. */
  #taken(job: number, text: Uint8Array): number {
    const loaded = this.compilers!.take(job);
    if (loaded === undefined) return this.#load(text);
    if (loaded.code !== 0) throw this.driver.failure("cuLibraryLoadData", loaded.code);
    return loaded.handle;
  }

  #functionOf(loaded: number, sharedBytes: number): number {
    const { driver } = this;
    this.#loaded.push(loaded);
    const kernel = driver.result("cuLibraryGetKernel", loaded, entry);
    const handle = driver.result("cuKernelGetFunction", kernel);
    if (sharedBytes > freeShared) {
      driver.call("cuFuncSetAttribute", handle, mostShared, sharedBytes);
    }
    return handle;
  }

  /** Unloads all. */
  close(): void {
    this.#loaded.push(...this.compilers?.close() ?? []);
    for (const loaded of this.#loaded.splice(0)) this.driver.library.calls.cuLibraryUnload(loaded);
    this.#kernels.clear();
  }
}
