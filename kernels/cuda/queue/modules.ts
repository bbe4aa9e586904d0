/**
 * Programs that the driver has compiled: one module a text.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";
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

/** Compiles texts, each once. */
export class Modules {
  readonly #kernels = new Map<string, Kernel>();
  readonly #modules: number[] = [];

  /** @param driver Compiles for its card */
  constructor(readonly driver: Driver) {}

  /**
   * The kernel of a key; `render` is called the first time.
   *
   * @throws {DeviceError} If the driver refuses the text, or the card has too little shared memory
   */
  compile(key: string, name: string, render: () => PtxProgram): Kernel {
    let found = this.#kernels.get(key);
    if (found !== undefined) return found;
    const { code, threads, sharedBytes, parameterBytes } = render();
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
    const module = driver.result(
      "cuModuleLoadData",
      new TextEncoder().encode(`// ${key}\n${code}\0`),
    );
    this.#modules.push(module);
    const handle = driver.result("cuModuleGetFunction", module, entry);
    if (sharedBytes > freeShared) {
      driver.call("cuFuncSetAttribute", handle, mostShared, sharedBytes);
    }
    found = { handle, name, threads, sharedBytes, parameterBytes };
    this.#kernels.set(key, found);
    return found;
  }

  /** Unloads all. */
  close(): void {
    for (const module of this.#modules.splice(0)) this.driver.library.calls.cuModuleUnload(module);
    this.#kernels.clear();
  }
}
