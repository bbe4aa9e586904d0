/**
 * Memory of the CPU backend: a range of an array buffer, of its own or of a heap.
 *
 * @module
 */

import type { Bound, Buffer } from "../../core/backend.ts";
import { bytesPerElement, type Dtype, isHalf, type TypedArray, viewAs } from "../../core/dtype.ts";
import { decodeHalf } from "../../core/half.ts";

/** A range of memory. */
export class CpuBuffer implements Buffer {
  readonly #views = new Map<Dtype, TypedArray>();

  /**
   * @param bytes Size
   * @param memory What it is a range of
   * @param address Its first byte there
   * @param heap Whether that memory is the heap that WebAssembly sees
   */
  constructor(
    readonly bytes: number,
    readonly memory: ArrayBufferLike,
    readonly address: number,
    readonly heap: boolean,
  ) {}

  /** The memory as elements of a type; halves are a copy in floats, good until the next write. */
  as(dtype: Dtype): TypedArray {
    let view = this.#views.get(dtype);
    if (view === undefined) {
      view = isHalf(dtype)
        ? decodeHalf(this.halves, dtype)
        : viewAs(dtype, this.memory, this.address, Math.floor(this.bytes / bytesPerElement(dtype)));
      this.#views.set(dtype, view);
    }
    return view;
  }

  /** The memory as bits of halves. */
  get halves(): Uint16Array {
    return new Uint16Array(this.memory, this.address, Math.floor(this.bytes / 2));
  }

  /** Copies bytes into the memory. */
  write(source: Uint8Array, offset: number): void {
    this.raw.set(source, offset);
    this.#views.delete("f16");
    this.#views.delete("bf16");
  }

  /** The memory as bytes. */
  get raw(): Uint8Array {
    return new Uint8Array(this.memory, this.address, this.bytes);
  }
}

/** The elements a bound operand lies among. */
export function elements({ buffer, dtype }: Bound): TypedArray {
  return (buffer as CpuBuffer).as(dtype);
}
