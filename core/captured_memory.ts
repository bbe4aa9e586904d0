/**
 * Memory that captured work reads and writes and that may be other memory the next time.
 *
 * @module
 */

import type { MemoryPlace } from "./backend.ts";
import { type Storage, storedBytes } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** What a function is given. */
export interface CapturedMemory {
  /** Tensors that may be others the next time. */
  readonly inputs: readonly Tensor[];
  /**
   * Parts of the inputs' memory that may begin elsewhere the next time, such as where a cache goes on;
   * what lies behind the beginning of one moves with it.
   */
  readonly moving?: readonly Tensor[];
}

/**
 * Layouts of the inputs, and which of them share memory. What moves may begin at any multiple of eight
 * elements from there: programs are chosen by how they are aligned.
 */
export function outlinesOf({ inputs, moving = [] }: CapturedMemory): string {
  const storages = new Map<Storage, number>();
  return [...inputs, ...moving].map(({ value: { dtype, shape, strides, offset, storage } }, i) => {
    const place = storages.get(storage) ?? i;
    storages.set(storage, place);
    const memory = `${place}${storage.words ? "w" : "m"}${storage.length}`;
    const start = i < inputs.length ? offset : `~${offset % 8}`;
    return `${memory}:${dtype}[${shape}][${strides}]${start}`;
  }).join(" ");
}

/** Memory that may be other memory the next time. */
export function memoryPlaces({ inputs, moving = [] }: CapturedMemory): MemoryPlace[] {
  return [
    ...inputs.map(({ value: { storage: { buffer } } }) => ({ buffer, start: 0 })),
    ...moving.map(({ value: { storage: { buffer }, dtype, offset } }) => (
      { buffer, start: storedBytes(dtype, offset) }
    )),
  ];
}
