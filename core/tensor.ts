/**
 * `Tensor`: a disposable handle on an immutable value. Functions on tensors live in `ops/`.
 *
 * @module
 */

import { argumentError } from "./arguments.ts";
import {
  bytesPerElement,
  type Dtype,
  isHalf,
  isQuantised,
  type StoredType,
  type TypedArray,
  viewAs,
  widened,
} from "./dtype.ts";
import { DisposedError, ShapeError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { decodeHalf } from "./half.ts";
import type { Device, Owned, Scope } from "./device.ts";
import { checkElements, flatten, type Nested } from "./nested.ts";
import { checkShape } from "./numbers.ts";
import { sizeOf } from "./shape.ts";
import { allOrNothing, Value } from "./storage.ts";

/** An n-dimensional array on a device. It lives until its scope ends or it is disposed. */
export class Tensor implements Owned {
  /** The scope that disposes it, if any. */
  scope: Scope | undefined = undefined;
  /** Where its scope lists it. */
  place = 0;
  #value: Value | undefined;
  readonly #made: string | undefined;

  /** Wraps a value; the innermost scope of the device becomes its owner. */
  constructor(value: Value, readonly device: Device) {
    value.storage.retain();
    this.#value = value;
    this.#made = device.innermost?.name;
    device.innermost?.adopt(this);
  }

  /**
   * The value behind the handle.
   *
   * @throws {DisposedError} After disposal
   */
  get value(): Value {
    return this.valueFor("read");
  }

  /**
   * The value, for an operation that a message can name.
   *
   * @throws {DisposedError} After disposal
   */
  valueFor(operation: string): Value {
    if (this.#value === undefined) {
      throw new DisposedError(
        `Cannot use a tensor in ${operation} after it was disposed: it was made in scope ` +
          `${this.#made ?? "none"}`,
      );
    }
    return this.#value;
  }

  /** Size of each axis. */
  get shape(): readonly number[] {
    return this.value.shape;
  }

  /** Element type of the memory; {@linkcode read} gives the numbers of halves and codes. */
  get dtype(): StoredType {
    return this.value.dtype;
  }

  /** Copies the elements to the host, row-major. The one place where a caller waits for the device. */
  async read(): Promise<TypedArray> {
    if (!isQuantised(this.dtype)) return await readValue(this.value);
    const numbers = allOrNothing(() => this.value.unpacked(this.device.float));
    try {
      return await readValue(numbers);
    } finally {
      numbers.storage.release();
    }
  }

  /** Reads a tensor of one element. */
  async item(): Promise<number> {
    if (sizeOf(this.shape) !== 1) {
      throw new ShapeError(`Cannot read one number as the tensor has shape [${this.shape}]`);
    }
    return (await this.read())[0]!;
  }

  /** What it is, without its elements, which only waiting would bring: `Tensor f32[2, 3] on cpu`. */
  toString(): string {
    if (this.#value === undefined) return "Tensor (disposed)";
    return `Tensor ${this.dtype}[${this.shape.join(", ")}] on ${this.device.backend.name}`;
  }

  /** What consoles print: {@linkcode Tensor.toString}. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /** {@linkcode Tensor.toString} and the first elements in row-major order. */
  async show(count = 8): Promise<string> {
    const first = Array.from((await this.read()).subarray(0, count), (x) => +x.toPrecision(6));
    const more = sizeOf(this.shape) > count ? ", …" : "";
    return `${this}: ${first.join(", ")}${more}`;
  }

  /** Gives up the value; its memory goes back once nothing else uses it. */
  [Symbol.dispose](): void {
    if (this.#value === undefined) return;
    this.#value.storage.release();
    this.#value = undefined;
    this.scope?.disown(this);
  }
}

/** Elements of a value that programs can read, row-major. */
async function readValue(value: Value): Promise<TypedArray> {
  const { storage, shape, strides, offset } = value;
  const { dtype } = value.bound();
  const size = sizeOf(shape);
  const width = bytesPerElement(dtype);
  const read = async (start: number, length: number) => {
    const bytes = await storage.backend.read(storage.buffer, start * width, length * width);
    return isHalf(dtype) ? decodeHalf(new Uint16Array(bytes), dtype) : viewAs(dtype, bytes);
  };
  if (value.contiguous) return await read(offset, size);
  const all = await read(0, storage.length);
  const out = widened(dtype, "f32");
  return viewAs(out, new ArrayBuffer(size * bytesPerElement(out))).map((_, position) => {
    let at = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (position % shape[axis]!) * strides[axis]!;
      position = Math.floor(position / shape[axis]!);
    }
    return all[at]!;
  });
}

/**
 * The shape of an argument of a function, which JavaScript may call with anything.
 *
 * @throws {ShapeError} If it is no tensor
 */
export function shapeOf(operation: string, x: Tensor, argument = "x"): readonly number[] {
  if (x instanceof Tensor) return x.valueFor(operation).shape;
  throw argumentError(operation, argument, "a tensor", shown(x));
}

/**
 * Copies numbers from the host to the device; those of a half are given as their bits.
 *
 * @param data Numbers in row-major order, or nested arrays
 * @param shape Size of each axis; default that of the nesting
 * @throws {ShapeError} If the count does not match the shape, nested rows differ in length, an
 * element is no number, a word or the bits of a half are no whole number in its range, or the
 * backend has no such dtype
 */
export function tensor(
  device: Device,
  data: Nested,
  shape?: readonly number[],
  dtype: Dtype = device.float,
): Tensor {
  const { data: numbers, shape: nested } = flatten(data);
  const sizes = shape ?? nested;
  checkShape("tensor", sizes);
  if (sizeOf(sizes) !== numbers.length) {
    throw new ShapeError(
      `Cannot make a tensor of shape [${sizes}] as it requires ${sizeOf(sizes)} elements: ` +
        `found ${numbers.length}`,
    );
  }
  checkElements(numbers, dtype);
  const memory = new ArrayBuffer(numbers.length * bytesPerElement(dtype));
  const source = isHalf(dtype) ? new Uint16Array(memory) : viewAs(dtype, memory);
  source.set(numbers);
  const value = allOrNothing(() => {
    const made = Value.allocate(device.backend, dtype, [...sizes]);
    device.backend.write(made.storage.buffer, 0, source);
    return made;
  });
  if (source instanceof Uint32Array) value.storage.words = source;
  return new Tensor(value, device);
}
