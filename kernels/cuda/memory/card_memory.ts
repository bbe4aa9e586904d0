/**
 * Memory of the card: one reserved range of addresses, of which as much is backed by memory as was
 * ever in use at once. Reuse needs no waiting, as all programs run on one stream.
 *
 * @module
 */

import type { Bound, Buffer } from "../../../core/backend.ts";
import { DeviceError } from "../../../core/errors.ts";
import { type Driver, outOfMemory } from "../driver/driver.ts";
import { Ranges, roundedBytes } from "./ranges.ts";
import { Slabs } from "./slabs.ts";

/** Bytes by which the backed part grows at least: fewer calls, little waste. */
const growth = 32 * 2 ** 20;

/** Told of what is taken and given back. */
export interface MemoryObserver {
  /** A buffer was taken. */
  took(buffer: CardBuffer): void;
  /** A buffer was given back. */
  gave(buffer: CardBuffer): void;
}

/** A range of the card's memory. */
export class CardBuffer implements Buffer {
  /** Whether it was given back. */
  released = false;

  /** `address` is where the card sees it; `bytes` is what was asked for. */
  constructor(readonly bytes: number, readonly address: number) {}
}

/** Where the first element of an operand lies. */
export function firstAddress({ buffer, offset }: Bound, elementBytes: number): number {
  return (buffer as CardBuffer).address + offset * elementBytes;
}

/** Allocates and reuses. */
export class CardMemory {
  readonly #ranges = new Ranges();
  readonly #slabs = new Slabs({
    take: (size) => this.#range(size, size, undefined),
    give: (start, size) => this.#ranges.give(start, size),
  });
  /** Who is told, if anyone. */
  observer: MemoryObserver | undefined;
  /** Memory of work that comes again, which nobody else needed since. */
  #kept: CardBuffer | undefined;
  readonly #backed: {
    readonly address: number;
    readonly bytes: number;
    readonly handle: number;
  }[] = [];
  readonly #property = new Uint8Array(32);
  readonly #access = new Uint8Array(12);
  readonly #unit: number;
  readonly #reserved: number;
  readonly #base: number;

  /** Reserves addresses for all the memory that the card has. */
  constructor(readonly driver: Driver) {
    const { index, bytes } = driver.facts;
    // Pinned memory at the device: CU_MEM_ALLOCATION_TYPE_PINNED, CU_MEM_LOCATION_TYPE_DEVICE.
    const property = new DataView(this.#property.buffer);
    property.setInt32(0, 1, true);
    property.setInt32(8, 1, true);
    property.setInt32(12, index, true);
    // Read and write: CU_MEM_ACCESS_FLAGS_PROT_READWRITE.
    const access = new DataView(this.#access.buffer);
    access.setInt32(0, 1, true);
    access.setInt32(4, index, true);
    access.setInt32(8, 3, true);
    this.#unit = driver.result("cuMemGetAllocationGranularity", this.#property, 0);
    this.#reserved = Math.ceil(bytes / this.#unit) * this.#unit;
    this.#base = driver.result("cuMemAddressReserve", this.#reserved, 0, 0, 0);
  }

  /** Bytes of the card that are held. */
  get heldBytes(): number {
    return this.#ranges.end;
  }

  /**
   * A range of at least `bytes`.
   *
   * @param shape Of the tensor that is to lie in it, for messages
   * @throws {DeviceError} If the card has no such memory left
   */
  take(bytes: number, shape?: readonly number[]): CardBuffer {
    const start = Slabs.holds(bytes)
      ? this.#slabs.take(bytes)
      : this.#range(roundedBytes(bytes), bytes, shape);
    const buffer = new CardBuffer(bytes, this.#base + start);
    this.observer?.took(buffer);
    return buffer;
  }

  /** Takes a range back. */
  give(buffer: CardBuffer): void {
    const { address, bytes } = buffer;
    buffer.released = true;
    this.observer?.gave(buffer);
    if (Slabs.holds(bytes)) this.#slabs.give(address - this.#base, bytes);
    else this.#ranges.give(address - this.#base, roundedBytes(bytes));
  }

  /**
   * At least `bytes` for work that comes again, for as long as it is queued: where such work had them
   * before, unless somebody has needed the room since.
   *
   * @throws {DeviceError} If the card has no such memory left
   */
  takeAgain(bytes: number): CardBuffer {
    if (this.#kept !== undefined && this.#kept.bytes >= bytes) return this.#kept;
    this.#giveKept();
    const start = this.#range(roundedBytes(bytes), bytes, undefined);
    return this.#kept = new CardBuffer(bytes, this.#base + start);
  }

  #giveKept(): void {
    if (this.#kept === undefined) return;
    const { address, bytes } = this.#kept;
    this.#kept = undefined;
    this.#ranges.give(address - this.#base, roundedBytes(bytes));
  }

  #range(size: number, bytes: number, shape: readonly number[] | undefined): number {
    const start = this.#ranges.take(size);
    if (start !== undefined) return start;
    if (this.#kept !== undefined) {
      this.#giveKept();
      return this.#range(size, bytes, shape);
    }
    this.#grow(size - this.#ranges.tail, bytes, shape);
    return this.#ranges.take(size)!;
  }

  #grow(needed: number, bytes: number, shape: readonly number[] | undefined): void {
    for (const wanted of [Math.max(needed, growth), needed]) {
      const size = Math.ceil(wanted / this.#unit) * this.#unit;
      const code = this.#back(size);
      if (code === 0) return this.#ranges.grow(size);
      if (code !== outOfMemory) throw this.driver.failure("cuMemCreate", code);
    }
    const named = shape === undefined ? "" : ` (shape [${shape}])`;
    throw new DeviceError(
      `Cannot hold a tensor of ${bytes} bytes${named} as ${this.driver.facts.name} has ${this.driver.freeBytes} of ` +
        `${this.driver.facts.bytes} bytes free, and ${this.heldBytes} are held here`,
    );
  }

  /** Backs the next `size` bytes of the range; gives the driver's code. */
  #back(size: number): number {
    const { driver } = this;
    const address = this.#base + this.#ranges.end;
    if (this.#ranges.end + size > this.#reserved) return outOfMemory;
    const out = new Uint8Array(8);
    const created = driver.code("cuMemCreate", out, size, this.#property, 0);
    if (created !== 0) return created;
    const handle = Number(new DataView(out.buffer).getBigUint64(0, true));
    driver.call("cuMemMap", address, size, 0, handle, 0);
    driver.call("cuMemSetAccess", address, size, this.#access, 1);
    this.#backed.push({ address, bytes: size, handle });
    return 0;
  }

  /** Gives all memory back to the card. */
  close(): void {
    const { calls } = this.driver.library;
    for (const { address, bytes, handle } of this.#backed.splice(0)) {
      calls.cuMemUnmap(address, bytes);
      calls.cuMemRelease(handle);
    }
    calls.cuMemAddressFree(this.#base, this.#reserved);
  }
}
