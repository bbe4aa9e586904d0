// What a driver without a card keeps: handles, memory, copies that are on their way.
import type { CardFacts } from "../../../kernels/cuda/driver/driver.ts";
import type { NativeArgument } from "../../../kernels/cuda/driver/ffi.ts";
import { CardRange } from "./card_range.ts";
import { HostMemory } from "./host_memory.ts";

/** What runs on the card's stream. */
export interface CardWork {
  /** What can be put in its place in a graph has the same kind. */
  readonly kind: string;
  /** Runs it; gives the driver's code. */
  run(): number;
}

/** The state of one driver. */
export class DriverState {
  readonly host: HostMemory = new HostMemory();
  memory: CardRange = new CardRange(0, 0);
  /** Bytes of the card that are in use, and how many it gives out. */
  used = 0;
  limit: number;
  /** What was made and not ended, such as `module 3`. */
  readonly open: Set<string> = new Set();
  /** Copies to the host that end at the next wait. */
  readonly waiting: (() => void)[] = [];
  /** Code of the fault that stopped a program, and the same once the host was told. */
  fault = 0;
  lost = 0;
  stream = 0;
  /** Cards that the driver counts. */
  cards = 1;
  #handles = 2 ** 40;
  /** What the stream was given since a capture began. */
  #captured: CardWork[] | "broken" | undefined;

  constructor(readonly facts: CardFacts) {
    this.limit = facts.bytes;
  }

  /** A new handle. */
  handle(kind: string): number {
    const handle = this.#handles += 16;
    this.open.add(`${kind} ${handle}`);
    return handle;
  }

  /** Ends what a handle stands for; gives the driver's code. */
  end(kind: string, handle: NativeArgument | undefined): number {
    return this.open.delete(`${kind} ${handle}`) ? 0 : 400;
  }

  /** Puts a result where the caller wants it. */
  answer(out: NativeArgument | undefined, value: number): number {
    const bytes = out as Uint8Array;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, BigInt(value), true);
    return 0;
  }

  /** Runs work, or keeps it where the stream is captured; gives the driver's code. */
  submit(work: CardWork): number {
    if (this.#captured === undefined) return work.run();
    if (this.#captured !== "broken") this.#captured.push(work);
    return 0;
  }

  /** Whether the stream is captured. */
  get capturing(): boolean {
    return this.#captured !== undefined;
  }

  /** Begins a capture; tells whether there was none. */
  beginCapture(): boolean {
    if (this.capturing) return false;
    this.#captured = [];
    this.open.add("capture");
    return true;
  }

  /** Makes a capture useless, as calls do that a captured stream cannot have. */
  breakCapture(): void {
    if (this.capturing) this.#captured = "broken";
  }

  /** Ends a capture; gives what was captured. */
  endCapture(): readonly CardWork[] | "broken" | undefined {
    const captured = this.#captured;
    this.#captured = undefined;
    this.open.delete("capture");
    return captured;
  }

  /** Puts a result of 32 bits where the caller wants it. */
  answer32(out: NativeArgument | undefined, value: number): number {
    const bytes = out as Uint8Array;
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(0, value, true);
    return 0;
  }

  /** Ends what is on its way to the host; gives the driver's code. */
  settle(): number {
    if (this.fault === 0) { for (const end of this.waiting.splice(0)) end(); }
    return this.lost = this.fault;
  }
}
