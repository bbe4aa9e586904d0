/**
 * Memory: reference-counted storage, and immutable values, which are a storage seen through a shape
 * and strides.
 *
 * @module
 */

import type { Backend, Bound, Buffer } from "./backend.ts";
import {
  bytesPerElement,
  dtypes,
  isQuantised,
  type StoredFloat,
  type StoredType,
} from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { quantisedBytes } from "./quantisation.ts";
import { reserve } from "./reserve.ts";
import { contiguousStrides, sizeOf } from "./shape.ts";

/**
 * Gives the numbers of a value whose memory holds codes, in memory of their own, of which the caller has
 * a reference that it must release.
 */
export type Unpack = (value: Value, float: StoredFloat) => Value;

/** Storages that were made by what runs now, and may fail half-way, in their order. */
const fresh: Storage[] = [];
/** How many such things run, one in the other. */
let running = 0;

/** Runs what makes storages; where it fails, those that nobody uses yet are given back. */
export function allOrNothing<T>(run: () => T): T {
  const first = fresh.length;
  running++;
  try {
    return run();
  } catch (error) {
    for (const made of fresh.slice(first)) made.drop();
    throw error;
  } finally {
    running--;
    fresh.length = first;
  }
}

/** Memory of one backend, shared by the values that look at it. */
export class Storage {
  /** The memory as the backend knows it. */
  readonly buffer: Buffer;
  /**
   * Words as the host wrote them, so that what is looked up by them can be checked without a read;
   * absent where a program wrote the memory.
   */
  words: Uint32Array | undefined = undefined;
  /** Gives the numbers of a value, where the memory holds codes: whoever makes those sets it. */
  unpack: Unpack | undefined = undefined;
  #references = 0;

  /** Number of elements. */
  readonly length: number;

  /**
   * Reserves room for a tensor of `shape` and `dtype`, with unspecified contents.
   *
   * @throws {ShapeError} If there is no such element type, or the backend lacks it
   * @throws {DeviceError} If there is too little memory
   */
  constructor(readonly backend: Backend, readonly dtype: StoredType, shape: readonly number[]) {
    const read = isQuantised(dtype) ? "f32" : dtype;
    if (!dtypes.includes(read) || !backend.supports(read)) {
      const held = dtypes.filter((dtype) => backend.supports(dtype)).join(", ");
      throw new ShapeError(
        `Cannot hold elements on backend ${backend.name} as dtype requires one of ${held}: ` +
          `found ${shown(dtype)}`,
      );
    }
    this.length = sizeOf(shape);
    const bytes = storedBytes(dtype, Math.max(1, this.length));
    this.buffer = reserve(bytes, () => backend.allocate(bytes, shape));
    if (running > 0) fresh.push(this);
  }

  /** Whether the memory has been given back. */
  get released(): boolean {
    return this.#references < 0;
  }

  /** Adds a user: a tensor, or an entry of a tape. */
  retain(): void {
    this.#references++;
  }

  /** Gives the memory back where it has no user. */
  drop(): void {
    if (this.#references === 0) this.release();
  }

  /** Removes a user; the last one gives the memory back. */
  release(): void {
    if (--this.#references > 0) return;
    this.#references = -1;
    this.backend.release(this.buffer);
  }
}

/** Bytes of some elements in a row. */
export function storedBytes(dtype: StoredType, length: number): number {
  return isQuantised(dtype) ? quantisedBytes(dtype, length) : length * bytesPerElement(dtype);
}

/** An immutable array: a storage, and how its elements are found. Identity is what a tape follows. */
export class Value {
  /**
   * Looks at a storage.
   *
   * @param storage Memory
   * @param shape Size of each axis
   * @param strides Step along each axis, in elements; 0 repeats, negative runs backwards
   * @param offset Element at the origin
   */
  constructor(
    readonly storage: Storage,
    readonly shape: readonly number[],
    readonly strides: readonly number[] = contiguousStrides(shape),
    readonly offset = 0,
  ) {}

  /** A value without holes in memory of its own; `order` has its axes, the slowest first. */
  static allocate(
    backend: Backend,
    dtype: StoredType,
    shape: readonly number[],
    order?: readonly number[],
  ): Value {
    return new Value(
      new Storage(backend, dtype, shape),
      shape,
      order === undefined ? undefined : stridesIn(order, shape),
    );
  }

  /** Axes in the order of memory, the slowest first; those of size 1 come before all others. */
  get order(): number[] {
    const { shape, strides } = this;
    const step = (axis: number) => shape[axis] === 1 ? Infinity : Math.abs(strides[axis]!);
    const axes: number[] = [];
    // Nearly all are in order already: each goes behind those that are not faster.
    for (let axis = 0; axis < shape.length; axis++) {
      let at = axis;
      for (; at > 0 && step(axes[at - 1]!) < step(axis); at--) axes[at] = axes[at - 1]!;
      axes[at] = axis;
    }
    return axes;
  }

  /** Element type, which is that of the storage. */
  get dtype(): StoredType {
    return this.storage.dtype;
  }

  /** Whether the elements lie in row-major order without holes. */
  get contiguous(): boolean {
    const { shape, strides } = this;
    let step = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (shape[axis] !== 1 && strides[axis] !== step) return false;
      step *= shape[axis]!;
    }
    return true;
  }

  /** Whether the elements fill a piece of memory, each its own place, in whatever order. */
  get whole(): boolean {
    const { order, shape, strides } = this;
    let step = 1;
    for (let i = order.length - 1; i >= 0; i--) {
      const axis = order[i]!;
      if (shape[axis] !== 1 && strides[axis] !== step) return false;
      step *= shape[axis]!;
    }
    return true;
  }

  /** What a backend needs, over the coordinates of `space` (shapes broadcast from the right). */
  bound(space: readonly number[] = this.shape): Bound {
    const { storage: { buffer, dtype }, offset } = this;
    if (isQuantised(dtype)) throw new TypeError(`Cannot run a program on the codes of ${dtype}`);
    return { buffer, dtype, offset, strides: this.stepsIn(space) };
  }

  /** The numbers of codes, of which the caller has a reference. */
  unpacked(float: StoredFloat): Value {
    return this.storage.unpack!(this, float);
  }

  /** Strides over the coordinates of `space`, to which the shape broadcasts from the right. */
  stepsIn(space: readonly number[]): readonly number[] {
    const { shape, strides } = this;
    const missing = space.length - shape.length;
    if (missing === 0 && !shape.includes(1)) return strides;
    const steps = new Array<number>(space.length);
    for (let axis = 0; axis < space.length; axis++) {
      const own = axis - missing;
      steps[axis] = own < 0 || shape[own] === 1 ? 0 : strides[own]!;
    }
    return steps;
  }
}

/** Strides of an array without holes whose axes lie in the given order, the slowest first. */
function stridesIn(order: readonly number[], shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let at = order.length - 1; at >= 0; at--) {
    const axis = order[at]!;
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}
