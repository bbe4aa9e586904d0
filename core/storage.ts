/**
 * Memory: reference-counted storage, immutable values (a storage seen through a shape and strides),
 * and the device handle with its stack of scopes, which ends the life of whatever was not kept.
 *
 * @module
 */

import type { Backend, Bound, Buffer } from "./backend.ts";
import { bytesPerElement, type Dtype } from "./dtype.ts";
import { DisposedError } from "./errors.ts";

/** Memory of one backend, shared by the values that look at it. */
export class Storage {
  /** The backend's memory. */
  readonly buffer: Buffer;
  #references = 0;

  /** Reserves room for `length` elements of `dtype`, with unspecified contents. */
  constructor(readonly backend: Backend, readonly dtype: Dtype, readonly length: number) {
    this.buffer = backend.allocate(Math.max(1, length) * bytesPerElement(dtype));
  }

  /** Whether the memory has been given back. */
  get released(): boolean {
    return this.#references < 0;
  }

  /** Adds a user. */
  retain(): void {
    this.#references++;
  }

  /** Removes a user; the last one gives the memory back. */
  release(): void {
    if (--this.#references > 0) return;
    this.#references = -1;
    this.backend.release(this.buffer);
  }
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
    dtype: Dtype,
    shape: readonly number[],
    order?: readonly number[],
  ): Value {
    return new Value(
      new Storage(backend, dtype, sizeOf(shape)),
      shape,
      order === undefined ? undefined : stridesIn(order, shape),
    );
  }

  /** Axes in the order of memory, the slowest first; those of size 1 come before all others. */
  get order(): number[] {
    const step = (axis: number) =>
      this.shape[axis] === 1 ? Infinity : Math.abs(this.strides[axis]!);
    const axes = this.shape.map((_, axis) => axis);
    return axes.sort((a, b) => step(a) === step(b) ? a - b : step(b) - step(a));
  }

  /** Element type. */
  get dtype(): Dtype {
    return this.storage.dtype;
  }

  /** Whether the elements lie in row-major order without holes. */
  get contiguous(): boolean {
    const expected = contiguousStrides(this.shape);
    return this.shape.every((size, axis) => size === 1 || this.strides[axis] === expected[axis]);
  }

  /** What a backend needs, over the coordinates of `space` (shapes broadcast from the right). */
  bound(space: readonly number[] = this.shape): Bound {
    const missing = space.length - this.shape.length;
    const strides = new Array<number>(space.length);
    for (let axis = 0; axis < space.length; axis++) {
      const own = axis - missing;
      strides[axis] = own < 0 || this.shape[own] === 1 ? 0 : this.strides[own]!;
    }
    return { buffer: this.storage.buffer, dtype: this.dtype, offset: this.offset, strides };
  }
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Strides of a dense row-major array. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Strides of an array without holes whose axes lie in the given order, the slowest first. */
function stridesIn(order: readonly number[], shape: readonly number[]): number[] {
  const steps = contiguousStrides(order.map((axis) => shape[axis]!));
  return shape.map((_, axis) => steps[order.indexOf(axis)]!);
}

/** What a scope can own. */
export interface Owned extends Disposable {
  /** The scope that will dispose it. */
  scope: Scope | undefined;
}

/** Owns what was made while it was innermost, and disposes it at its end. */
export class Scope implements Disposable {
  readonly #owned = new Set<Owned>();
  #open = true;

  /**
   * Made by {@linkcode Device.scope}.
   *
   * @param name For messages
   * @param parent The scope around it
   * @param device The handle it was opened on
   */
  constructor(
    readonly name: string,
    readonly parent: Scope | undefined,
    readonly device: Device,
  ) {}

  /** Takes ownership. */
  adopt(item: Owned): void {
    item.scope?.disown(item);
    item.scope = this;
    this.#owned.add(item);
  }

  /** Gives ownership up. */
  disown(item: Owned): void {
    this.#owned.delete(item);
    item.scope = undefined;
  }

  /**
   * Hands the item to the surrounding scope, or to the caller where there is none. What another
   * scope owns stays there.
   */
  keep<T extends Owned>(item: T): T {
    if (item.scope !== this) return item;
    if (this.parent === undefined) this.disown(item);
    else this.parent.adopt(item);
    return item;
  }

  /** Disposes what the scope owns, where `using` cannot be written; a second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.device.leave(this);
    this.#open = false;
    for (const item of [...this.#owned]) item[Symbol.dispose]();
    this.#owned.clear();
  }

  /** Disposes what the scope owns at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A handle on a backend with a scope stack of its own. Interleaved tasks each take a fork. */
export class Device implements AsyncDisposable {
  #innermost: Scope | undefined;

  /**
   * Makes a handle.
   *
   * @param backend What runs the programs; the root handle's disposal closes it
   * @param float Element type of floats made through this handle
   * @param root The handle this one was forked from
   */
  constructor(
    readonly backend: Backend,
    readonly float: "f32" | "f64" = "f32",
    readonly root: Device | undefined = undefined,
  ) {
    if (!backend.supports(float)) {
      throw new TypeError(`Cannot hold ${float} tensors on backend ${backend.name}`);
    }
  }

  /** A handle for another task on the same backend; tensors of the root can be used with it. */
  fork(): Device {
    return new Device(this.backend, this.float, this.root ?? this);
  }

  /** Scope that owns what is made now. */
  get innermost(): Scope | undefined {
    return this.#innermost;
  }

  /** Opens a scope: `using _step = device.scope("step")`. */
  scope(name: string): Scope {
    return this.#innermost = new Scope(name, this.#innermost, this);
  }

  /** Runs `make` in a scope of its own, which ends all that was made there but the result. */
  within<T extends Owned>(name: string, make: () => T): T {
    using scope = this.scope(name);
    return scope.keep(make());
  }

  /**
   * Called by a scope at its end.
   *
   * @throws {DisposedError} If a scope opened later is still open
   */
  leave(scope: Scope): void {
    if (this.#innermost !== scope) {
      throw new DisposedError(
        `Cannot close scope ${scope.name} as the innermost open scope must close first: ` +
          `found ${this.#innermost?.name ?? "none"} (interleaved tasks each need device.fork())`,
      );
    }
    this.#innermost = scope.parent;
  }

  /** Closes the backend, where this is the root handle. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.root === undefined) await this.backend[Symbol.asyncDispose]();
  }
}
