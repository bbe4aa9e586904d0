// Memory of the host by address: typed arrays have addresses once they are asked for.

/** Gives addresses out and finds what lies there. */
export class HostMemory {
  readonly #known: { readonly address: number; readonly buffer: ArrayBufferLike }[] = [];
  #next = 2 ** 44;

  /** Address of the first byte. */
  addressOf(bytes: Uint8Array): number {
    let found = this.#known.find(({ buffer }) => buffer === bytes.buffer);
    if (found === undefined) {
      found = { address: this.#next, buffer: bytes.buffer };
      this.#known.push(found);
      this.#next += 4096 * (2 + Math.ceil(bytes.buffer.byteLength / 4096));
    }
    return found.address + bytes.byteOffset;
  }

  /** The bytes at an address. */
  at(address: number, bytes: number): Uint8Array<ArrayBuffer> {
    const found = this.#known.find(({ address: start, buffer }) =>
      address >= start && address + bytes <= start + buffer.byteLength
    );
    if (found === undefined) throw new RangeError(`The host has no ${bytes} bytes at ${address}`);
    return new Uint8Array(found.buffer as ArrayBuffer, address - found.address, bytes);
  }

  /** Forgets what begins at an address: whoever has a view of it cannot use it any more. */
  forget(address: number): void {
    const place = this.#known.findIndex((each) => each.address === address);
    const [found] = this.#known.splice(place, 1);
    (found!.buffer as ArrayBuffer).transfer();
  }
}
