/**
 * The NVIDIA driver on one card: its context and stream, with codes that become errors.
 *
 * @module
 */

import { DeviceError } from "../../../core/errors.ts";
import type { DriverFunction, Library, NativeArgument } from "./ffi.ts";

/** Codes that users meet, in words. */
const meanings: Readonly<Record<number, string>> = {
  1: "a value is invalid",
  2: "the card has no memory left",
  3: "the driver is not initialised",
  4: "the driver has shut down",
  34: "only a stub of the driver is installed",
  100: "no card is there",
  101: "there is no such card",
  200: "the image of a program is invalid",
  201: "the context is invalid or lost",
  209: "there is no code for this card",
  214: "an error of memory that cannot be corrected was found",
  218: "the text of a program is invalid",
  222: "the driver is too old for the text of a program",
  304: "the operating system refused a call",
  400: "a handle is invalid",
  401: "a graph or stream is in the wrong state",
  500: "a symbol is not found",
  700: "a program reached memory that is not its own",
  701: "a program wants more than a launch can have",
  702: "a program ran too long",
  709: "the context was destroyed",
  710: "a program stopped at an assertion",
  714: "a hardware stack was corrupted",
  715: "a program met an illegal instruction",
  716: "a program reached memory at a misaligned address",
  717: "a program reached an address space that has none",
  718: "a program ran beyond its end",
  719: "a program failed at launch",
  802: "the card is not ready",
  999: "the reason is unknown",
};

/** Text of a result code. */
export function meaningOf(code: number): string {
  return `${meanings[code] ?? "the driver refused"} (CUDA error ${code})`;
}

/** Codes of the driver where there is no card: none was found, or only a stub is installed. */
const absent = [100, 34];

/** Whether nothing runs in a context after this code: faults of programs and of the card. */
function endsContext(code: number): boolean {
  return (code >= 700 && code < 800) || [4, 201, 214].includes(code);
}

/** Code of the driver where the card's memory is full. */
export const outOfMemory = 2;

/** What the driver says of a card. */
export interface CardFacts {
  /** Number that the driver counts it by. */
  readonly index: number;
  /** Name of the model. */
  readonly name: string;
  /** Address on the bus, such as `0000:3b:00.0`. */
  readonly address: string;
  /** Compute capability times ten: 80, 90. */
  readonly capability: number;
  /** Multiprocessors. */
  readonly processors: number;
  /** Bytes of memory. */
  readonly bytes: number;
  /** Bytes of shared memory that one block can ask for. */
  readonly sharedBytes: number;
  /** Version of the interface that the driver has, such as 13000. */
  readonly version: number;
}

const attributes = { processors: 16, major: 75, minor: 76, sharedBytes: 97 } as const;

/** A card's context and the one stream on which all runs, in order. */
export class Driver {
  /** The stream. */
  readonly stream: number;
  /** Set at the first failure that ends the context. */
  #lost: string | undefined;
  readonly #out = new Uint8Array(8);
  readonly #words = new DataView(this.#out.buffer);

  /**
   * Makes the context current on this thread.
   *
   * @param library The driver's functions
   * @param facts The card
   */
  constructor(readonly library: Library, readonly facts: CardFacts) {
    const context = this.result("cuDevicePrimaryCtxRetain", facts.index);
    try {
      this.call("cuCtxSetCurrent", context);
      // Not in step with the legacy stream.
      this.stream = this.result("cuStreamCreate", 1);
    } catch (error) {
      library.calls.cuDevicePrimaryCtxRelease_v2(facts.index);
      throw error;
    }
  }

  /**
   * Calls a function.
   *
   * @throws {DeviceError} If it fails
   */
  call(name: DriverFunction, ...args: NativeArgument[]): void {
    const code = this.code(name, ...args);
    if (code !== 0) throw this.failure(name, code);
  }

  /** Calls a function and gives its code, for those who know what to do. */
  code(name: DriverFunction, ...args: NativeArgument[]): number {
    this.checkContext();
    return this.library.calls[name](...args);
  }

  /** Calls a function whose first argument is where it puts a handle, an address or a size. */
  result(name: DriverFunction, ...args: NativeArgument[]): number {
    this.call(name, this.#out, ...args);
    return Number(this.#words.getBigUint64(0, true));
  }

  /** Bytes of the card's memory that are free, for this process and all others. */
  get freeBytes(): number {
    return this.result("cuMemGetInfo_v2", new Uint8Array(8));
  }

  /** The error of a code; those that end the context are told again at every later call. */
  failure(name: string, code: number): DeviceError {
    const message = `Cannot go on with ${this.facts.name} as ${name} failed: ${meaningOf(code)}`;
    if (endsContext(code)) this.#lost = message;
    return new DeviceError(message);
  }

  /**
   * Checks that the context is there still.
   *
   * @throws {DeviceError} The failure that ended it
   */
  checkContext(): void {
    if (this.#lost !== undefined) throw new DeviceError(this.#lost);
  }

  /** Waits until all that was launched has ended. */
  async wait(): Promise<void> {
    this.checkContext();
    const code = await this.library.wait(this.stream);
    if (code !== 0) throw this.failure("a program that was queued", code);
  }

  /** Ends the stream and gives the context back. */
  close(): void {
    this.library.calls.cuStreamDestroy_v2(this.stream);
    this.library.calls.cuDevicePrimaryCtxRelease_v2(this.facts.index);
    this.#lost ??= `Cannot use ${this.facts.name} as its device is closed`;
    this.library.close();
  }
}

/** Facts of all cards that the driver shows, or of the one at an address. */
export function cardsOf(library: Library): CardFacts[] {
  const { calls } = library;
  const check = (code: number, name: string) => {
    if (code !== 0) throw new DeviceError(`Cannot use CUDA as ${name} failed: ${meaningOf(code)}`);
  };
  const out = new Uint8Array(64);
  const words = new DataView(out.buffer);
  const number = (name: DriverFunction, ...args: number[]) => {
    check(calls[name](out, ...args), name);
    return words.getInt32(0, true);
  };
  const text = (name: DriverFunction, device: number) => {
    check(calls[name](out, out.length, device), name);
    return new TextDecoder().decode(out.subarray(0, out.indexOf(0)));
  };
  const started = calls.cuInit(0);
  if (absent.includes(started)) return [];
  check(started, "cuInit");
  const version = number("cuDriverGetVersion");
  const count = number("cuDeviceGetCount");
  return Array.from({ length: count }, (_, ordinal) => {
    const index = number("cuDeviceGet", ordinal);
    const attribute = (which: keyof typeof attributes) =>
      number("cuDeviceGetAttribute", attributes[which], index);
    check(calls.cuDeviceTotalMem_v2(out, index), "cuDeviceTotalMem");
    const bytes = Number(words.getBigUint64(0, true));
    return {
      index,
      name: text("cuDeviceGetName", index),
      address: text("cuDeviceGetPCIBusId", index).toLowerCase(),
      capability: 10 * attribute("major") + attribute("minor"),
      processors: attribute("processors"),
      bytes,
      sharedBytes: attribute("sharedBytes"),
      version,
    };
  });
}
