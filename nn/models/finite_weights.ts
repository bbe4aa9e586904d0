/**
 * Weights on their way to the device, held to be finite: a single NaN would reach every result.
 *
 * @module
 */

import type { Half } from "../../core/dtype.ts";
import { FileError } from "../../core/errors.ts";
import { firstNonFinite, firstNonFiniteHalf } from "../../core/finite.ts";
import { decodeHalf } from "../../core/half.ts";

type Floats = Float32Array | Float64Array;

/** What messages say of a tensor. */
export interface NamedTensor {
  /** Name of the tensor in its file. */
  readonly name: string;
  /** The file. */
  readonly path: string;
}

/**
 * Passes on the parts of a tensor.
 *
 * @throws {FileError} If an element is NaN or infinite, in the precision asked for
 */
export async function* finiteParts(
  parts: AsyncIterable<Floats> | Iterable<Floats | Promise<Floats>>,
  tensor: NamedTensor,
): AsyncGenerator<Floats> {
  let start = 0;
  for await (const part of parts) {
    const at = firstNonFinite(part);
    if (at >= 0) refuse(tensor, start + at, part[at]!);
    yield part;
    start += part.length;
  }
}

/**
 * The same for numbers of 16 bits, part by part as bytes.
 *
 * @throws {FileError} If an element is NaN or infinite
 */
export async function* finiteHalves(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  dtype: Half,
  tensor: NamedTensor,
): AsyncGenerator<Uint8Array> {
  let start = 0;
  for await (const part of parts) {
    const aligned = part.byteOffset % 2 === 0 ? part : part.slice();
    const words = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
    const at = firstNonFiniteHalf(words, dtype);
    if (at >= 0) refuse(tensor, start + at, decodeHalf(words.subarray(at, at + 1), dtype)[0]!);
    yield part;
    start += words.length;
  }
}

function refuse({ name, path }: NamedTensor, index: number, found: number): never {
  throw new FileError(
    `Cannot use tensor ${name} as every element must be finite: found ${found} at element ${index}`,
    path,
  );
}
