// Memory of the card: one range of addresses, of which a part is backed.

/** A program that the card stops. */
export class CardFault extends Error {
  /** `code` is what the driver says at the next synchronisation. */
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** A reserved range of addresses. */
export class CardRange {
  readonly #buffer: ArrayBuffer;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
  /** Ranges that are mapped, in order: start and end from the beginning, and whether accessible. */
  readonly mapped: { start: number; end: number; open: boolean }[] = [];
  /** Bytes from the beginning that programs may reach. */
  extent = 0;

  constructor(readonly base: number, readonly size: number) {
    this.#buffer = new ArrayBuffer(size);
    this.words = new Int32Array(this.#buffer);
    this.halves = new Uint16Array(this.#buffer);
    this.bytes = new Uint8Array(this.#buffer);
  }

  /** Counts what may be reached anew. */
  settle(): void {
    this.mapped.sort((a, b) => a.start - b.start);
    this.extent = 0;
    for (const { start, end, open } of this.mapped) {
      if (start === this.extent && open) this.extent = end;
    }
  }

  /**
   * Place of an address in the range.
   *
   * @throws {CardFault} If it is not there, or not aligned to the size of the access
   */
  place(address: number, size: number, at: number): number {
    const place = address - this.base;
    if (!(place >= 0 && place <= this.extent - size)) {
      throw new CardFault(700, `instruction ${at} reaches ${address}`);
    }
    if (place % size !== 0) throw new CardFault(716, `instruction ${at} reaches ${address}`);
    return place;
  }
}
