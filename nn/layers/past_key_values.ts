/**
 * Keys and values of earlier tokens. They stay where they were written: texts that share a prompt,
 * such as the beams of a search, share one sequence of slots, and a mask says which slots each of
 * them sees. So a change of beams moves nothing; what is no longer needed goes by a gather.
 *
 * @module
 */

import { ShapeError } from "../../core/errors.ts";
import { input } from "../../core/expr.ts";
import { rowProgram } from "../../core/program.ts";
import type { Device } from "../../core/device.ts";
import { asStrided, empty } from "../../core/memory.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { gatherInto, update } from "../../core/update.ts";

/** Copies keys and values at once. */
const store = rowProgram(["f32", "f32"], [input(0, "f32", 3), input(1, "f32", 3)]);

/** Keys and values of one layer, each `[sequences, heads, 1, slots, size]`. */
export interface KeyValues {
  /** `[sequences, heads, 1, slots, size]`. */
  readonly key: Tensor;
  /** `[sequences, heads, 1, slots, size]`. */
  readonly value: Tensor;
}

/** One layer's memory, each `[all slots, heads, size]`; the first `used` of each sequence are filled. */
interface Layer {
  readonly key: Tensor;
  readonly value: Tensor;
  used: number;
}

/** Keys and values by layer. Whoever makes it disposes it. */
export class PastKeyValues implements Disposable {
  readonly #layers: Layer[] = [];
  #sequences: number;
  #capacity: number;
  /** Slots of all sequences together that a layer's memory has. */
  #memory: number;

  /** Makes an empty cache for `sequences` prompts, with room for `capacity` slots of each. */
  constructor(readonly device: Device, sequences: number, capacity: number) {
    this.#sequences = sequences;
    this.#capacity = capacity;
    this.#memory = sequences * capacity;
  }

  /** Number of prompts. */
  get sequences(): number {
    return this.#sequences;
  }

  /** Slots that there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Slots that the memory would have for another number of sequences. */
  slotsFor(sequences: number): number {
    return Math.floor(this.#memory / sequences);
  }

  /** Slots of each sequence that are in use. */
  get slots(): number {
    return this.#layers[0]?.used ?? 0;
  }

  /**
   * Adds a layer's keys and values. Several rows of a sequence, each of one token, take a slot each:
   * row r belongs to sequence r mod `sequences`.
   *
   * @param key `[rows, heads, tokens, size]`
   * @param value The same
   * @returns All slots of the layer, the new ones included; nothing where there were none before
   * @throws {ShapeError} If the slots do not suffice, or rows do not fit the sequences
   */
  extend(layer: number, key: Tensor, value: Tensor): KeyValues | undefined {
    const [rows, heads, tokens, size] = key.shape as [number, number, number, number];
    const branches = rows / this.#sequences;
    const memory = this.#layers[layer] ??= this.#make(heads, size);
    const { used } = memory;
    const after = used + branches * tokens;
    const fits = Number.isInteger(branches) && (tokens === 1 || branches === 1 && used === 0);
    if (!fits || after > this.#capacity) {
      throw new ShapeError(
        `Cannot extend a cache of ${this.#sequences} sequences and ${this.#capacity} slots, ` +
          `${used} of them used, by ${rows} rows of ${tokens} tokens`,
      );
    }
    const width = heads * size;
    const step = this.#sequences * width;
    const strides = [width, size, step, 1];
    const [keys, values] = [memory.key, memory.value].map((all) =>
      asStrided(all, key.shape, strides, used * step)
    ) as [Tensor, Tensor];
    update(store, [keys, values], [key, value]);
    memory.used = after;
    if (used === 0) return undefined;
    const shape = [this.#sequences, heads, 1, after, size];
    const all = (memory: Tensor) => asStrided(memory, shape, [width, size, size, step, 1]);
    return { key: all(memory.key), value: all(memory.value) };
  }

  /** Memory of keys and values of each layer, `[all slots, heads, size]`; none before the first tokens. */
  get memory(): readonly Tensor[] {
    return this.#layers.flatMap(({ key, value }) => [key, value]);
  }

  /** Counts slots of each sequence as used that work which was queued again has filled. */
  advance(slots: number): void {
    for (const layer of this.#layers) layer.used += slots;
  }

  /**
   * Keeps some sequences and slots, in a new order. The memory keeps its size where that suffices, so
   * that each layer can take what the one before it left.
   *
   * @param sequences Those that stay, by their numbers
   * @param slots For each of them its slots in their new order, as many for each
   * @param capacity Slots to have room for
   */
  arrange(
    sequences: readonly number[],
    slots: readonly (readonly number[])[],
    capacity: number,
  ): void {
    const used = slots[0]!.length;
    const before = this.#sequences;
    const rows = new Uint32Array(used * sequences.length);
    sequences.forEach((sequence, s) => {
      slots[s]!.forEach((slot, i) => rows[i * sequences.length + s] = slot * before + sequence);
    });
    this.device.inside("arrange a cache", () => {
      const index = tensor(this.device, rows, undefined, "u32");
      this.#sequences = sequences.length;
      this.#capacity = capacity;
      this.#memory = Math.max(this.#memory, sequences.length * capacity);
      this.#layers.forEach((layer, i) => {
        const [, heads, size] = layer.key.shape as [number, number, number];
        const fresh = this.#make(heads, size);
        gatherInto(fresh.key, layer.key, index);
        gatherInto(fresh.value, layer.value, index);
        dispose(layer);
        this.#layers[i] = { ...fresh, used };
      });
    });
  }

  /** Empty memory for a layer, which no scope owns. */
  #make(heads: number, size: number): Layer {
    const shape = [this.#memory, heads, size];
    const make = () => {
      const made = empty(this.device, shape);
      made.scope?.disown(made);
      return made;
    };
    return { key: make(), value: make(), used: 0 };
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const layer of this.#layers.splice(0)) dispose(layer);
  }
}

function dispose({ key, value }: Layer): void {
  key[Symbol.dispose]();
  value[Symbol.dispose]();
}
