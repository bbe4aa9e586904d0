/**
 * A cache whose slots are looked at in whole groups, so that tokens that come one after the other have
 * the same shapes. What was not written yet is 0, and no mask shows it.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { filledBy } from "../../core/expr.ts";
import { asStrided } from "../../core/memory.ts";
import { rowProgram } from "../../core/program.ts";
import type { Tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { type KeyValues, PastKeyValues } from "../layers/past_key_values.ts";
import { roundedUp } from "./padding.ts";

const fill = rowProgram([], [filledBy(0)]);

/** Keys and values of which whole groups of slots are looked at. */
export class PaddedKeyValues extends PastKeyValues {
  /** Memory without holes. */
  readonly #filled = new WeakSet<Tensor>();

  /**
   * Makes an empty cache.
   *
   * @param capacity Whole groups
   * @param group Slots that are looked at together
   */
  constructor(device: Device, sequences: number, capacity: number, readonly group: number) {
    super(device, sequences, capacity);
  }

  /** Whether there is memory, and none of it has holes. */
  get isFilled(): boolean {
    const { memory } = this;
    return memory.length > 0 && memory.every((all) => this.#filled.has(all));
  }

  /** All slots in whole groups, where {@linkcode PastKeyValues.extend} gives those in use. */
  override extend(layer: number, key: Tensor, value: Tensor): KeyValues | undefined {
    const all = super.extend(layer, key, value);
    if (all === undefined) return undefined;
    const used = this.#elements(all.key.shape[3]!);
    for (const memory of this.memory.slice(2 * layer, 2 * layer + 2)) this.#fill(memory, used);
    const shape = all.key.shape.with(3, roundedUp(all.key.shape[3]!, this.group));
    const whole = (seen: Tensor) => asStrided(seen, shape, seen.value.strides);
    return { key: whole(all.key), value: whole(all.value) };
  }

  /**
   * Where the memory of all layers goes on.
   *
   * @param slots So many slots of each sequence
   */
  next(slots: number): Tensor[] {
    const [start, count] = [this.#elements(this.slots), this.#elements(slots)];
    return this.memory.map((all) => asStrided(all, [count], [1], start));
  }

  /** Elements of slots of all sequences. */
  #elements(slots: number): number {
    const [, heads, size] = this.memory[0]!.shape;
    return slots * this.sequences * heads! * size!;
  }

  /** Fills memory with zeros from an element on, the first time. */
  #fill(memory: Tensor, start: number): void {
    if (this.#filled.has(memory)) return;
    this.#filled.add(memory);
    const count = memory.value.storage.length - start;
    if (count > 0) update(fill, [asStrided(memory, [count], [1], start)], [], [0]);
  }
}
