/**
 * Writing safetensors, laid out byte for byte as the reference writer does.
 *
 * @module
 */

import { OptionError, ShapeError } from "../../core/errors.ts";
import { byteLength, type FileDtype, isSize, type TensorInfo } from "./safetensors.ts";

/** A tensor to be written. */
export interface TensorData extends TensorInfo {
  /** Little-endian elements in row-major order. */
  readonly bytes: Uint8Array;
}

/** A tensor to be written that need not be in memory as a whole. */
export interface TensorParts extends TensorInfo {
  /** Little-endian elements in row-major order, part by part. */
  parts(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** The order in which the reference writer lays out tensors of different types. */
const writingOrder: readonly FileDtype[] = [
  "I64",
  "F64",
  "F32",
  "I32",
  "BF16",
  "F16",
  "U8",
  "BOOL",
];

/** Compares strings by code point, which is the order of their UTF-8 bytes. */
function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Bytes before the data section, and the tensors in the order of theirs. */
function layOut<T extends TensorInfo>(
  tensors: Iterable<T>,
  metadata: Readonly<Record<string, string>> | undefined,
): { head: Uint8Array<ArrayBuffer>; sorted: readonly T[]; dataLength: number } {
  const sorted = [...tensors].sort((a, b) =>
    writingOrder.indexOf(a.dtype) - writingOrder.indexOf(b.dtype) ||
    compareCodePoints(a.name, b.name)
  );
  const parts = metadata === undefined ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  const names = new Set(["__metadata__"]);
  let end = 0;
  for (const { name, dtype, shape } of sorted) {
    if (names.has(name)) {
      throw new OptionError(`Cannot write tensor as it requires a name of its own: found ${name}`);
    }
    names.add(name);
    const place = `"data_offsets":[${end},${end += lengthOf(dtype, shape)}]`;
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],${place}}`);
  }
  const text = new TextEncoder().encode(`{${parts.join(",")}}`);
  const header = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + header).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(header), true);
  head.set(text, 8);
  return { head, sorted, dataLength: end };
}

/** Bytes of a tensor to be written; NaN where the shape is none. */
function lengthOf(dtype: FileDtype, shape: readonly number[]): number {
  return shape.every(isSize) ? byteLength(dtype, shape) : NaN;
}

function requireLength({ name, dtype, shape }: TensorInfo, found: number): void {
  const length = lengthOf(dtype, shape);
  if (found === length) return;
  throw new ShapeError(
    `Cannot write tensor ${name} as ${dtype} [${shape}] requires ${length} bytes: found ${found}`,
  );
}

/**
 * Writes tensors as one safetensors file, laid out byte for byte as the reference writer does.
 *
 * @param tensors Tensors in any order
 * @param metadata Texts for `__metadata__`; transformers requires `{format: "pt"}`
 * @returns The whole file
 * @throws {ShapeError} If the bytes of a tensor do not fit its shape and dtype
 * @throws {OptionError} If a name occurs twice or is reserved
 */
export function encodeSafetensors(
  tensors: Iterable<TensorData>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const list = [...tensors];
  for (const tensor of list) requireLength(tensor, tensor.bytes.length);
  const { head, sorted, dataLength } = layOut(list, metadata);
  const file = new Uint8Array(head.length + dataLength);
  file.set(head);
  let position = head.length;
  for (const { bytes } of sorted) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

/**
 * Encodes a file part by part, so that it need not fit into memory.
 *
 * @param tensors Tensors in any order
 * @param metadata Texts for `__metadata__`; transformers requires `{format: "pt"}`
 * @returns The file; a part may share memory with the next
 * @throws {ShapeError} If the parts of a tensor do not fit its shape and dtype
 * @throws {OptionError} If a name occurs twice or is reserved
 */
export async function* streamSafetensors(
  tensors: Iterable<TensorParts>,
  metadata?: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array> {
  const { head, sorted } = layOut(tensors, metadata);
  yield head;
  for (const tensor of sorted) {
    let length = 0;
    for await (const part of tensor.parts()) {
      length += part.length;
      yield part;
    }
    requireLength(tensor, length);
  }
}
