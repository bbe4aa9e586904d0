/**
 * Memory of the CPU backend: a range of an array buffer, of its own or of a heap.
 *
 * @module
 */

import type { Bound, Buffer } from "../../core/backend.ts";
import { bytesPerElement, type Dtype, type TypedArray, viewAs } from "../../core/dtype.ts";

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

  /** The memory as elements of a type. */
  as(dtype: Dtype): TypedArray {
    let view = this.#views.get(dtype);
    if (view === undefined) {
      const length = Math.floor(this.bytes / bytesPerElement(dtype));
      this.#views.set(dtype, view = viewAs(dtype, this.memory, this.address, length));
    }
    return view;
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
