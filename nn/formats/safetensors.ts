/**
 * The safetensors format: header, values and writing. Works on bytes alone, so it runs in a browser.
 *
 * @module
 */

import { FileError, OptionError, ShapeError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord } from "./json_record.ts";
import { scanJson } from "./json_scan.ts";

/** Element types that can be read and written. */
export type FileDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "U8" | "BOOL";

/** Where one tensor lies in a file. */
export interface TensorEntry {
  /** Name of the tensor. */
  readonly name: string;
  /** Element type. */
  readonly dtype: FileDtype;
  /** Shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data section. */
  readonly begin: number;
  /** Byte behind the last one, counted from the start of the data section. */
  readonly end: number;
}

/** A validated header. */
export interface SafetensorsHeader {
  /** Tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The `__metadata__` entry; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What a header says of a tensor, its place aside. */
export type TensorInfo = Pick<TensorEntry, "name" | "dtype" | "shape">;

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

const maximumHeaderSize = 100_000_000;
const itemSizes: Readonly<Record<FileDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
  BOOL: 1,
};
// The order in which the reference writer lays out tensors of different types.
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

const isDtype = (value: unknown): value is FileDtype =>
  typeof value === "string" && Object.hasOwn(itemSizes, value);
const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** Bytes of a tensor, or NaN when they are beyond the exact integers. */
function byteLength(dtype: FileDtype, shape: readonly number[]): number {
  let length = itemSizes[dtype];
  for (const size of shape) length *= size;
  return shape.includes(0) ? 0 : Number.isSafeInteger(length) ? length : NaN;
}

/**
 * Reads the length of the header from the first 8 bytes of a file.
 *
 * @param start At least the first 8 bytes, or the whole of a shorter file
 * @param fileLength Length of the file in bytes
 * @param name File name for messages
 * @returns Bytes of the header; it begins at byte 8, the data section behind it
 * @throws {FileError} If the file is shorter than it says or the header is over 100 MB
 */
export function headerLength(start: Uint8Array, fileLength: number, name: string): number {
  const fail = (requirement: string, found: number | bigint): never => {
    throw new FileError(`Cannot read header as it requires ${requirement}: found ${found}`, name);
  };
  if (fileLength < 8 || start.length < 8) {
    fail("8 bytes of length", Math.min(fileLength, start.length));
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(maximumHeaderSize)) fail(`at most ${maximumHeaderSize} bytes`, length);
  if (8 + Number(length) > fileLength) {
    fail(`${8 + Number(length)} bytes of file`, fileLength);
  }
  return Number(length);
}

/** Validates the description of one tensor, its place aside. */
function parseEntry(name: string, value: unknown, file: string): TensorEntry {
  const fail = (requirement: string, found: unknown): never => {
    throw new FileError(
      `Cannot read tensor ${name} as it requires ${requirement}: found ${excerpt(found)}`,
      file,
    );
  };
  if (!isRecord(value)) return fail("an object", value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) return fail(`a dtype of ${Object.keys(itemSizes).join(", ")}`, dtype);
  if (!Array.isArray(shape) || !shape.every(isSize)) return fail("a shape of sizes", shape);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail("two data offsets", offsets);
  }
  return { name, dtype, shape, begin: Number(offsets[0]), end: Number(offsets[1]) };
}

/** Validates the `__metadata__` entry. */
function parseMetadata(value: unknown, file: string): Map<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined) return metadata;
  const fail = (found: unknown): never => {
    throw new FileError(
      `Cannot read metadata as it requires text values: found ${excerpt(found)}`,
      file,
    );
  };
  if (!isRecord(value)) return fail(value);
  for (const [key, text] of Object.entries(value)) {
    metadata.set(key, typeof text === "string" ? text : fail(text));
  }
  return metadata;
}

/**
 * Parses and validates a header: no hole, overlap, duplicate name or trailing byte is accepted.
 *
 * @param header Bytes of the header, without the 8 bytes of length
 * @param dataLength Bytes of the file behind the header
 * @param name File name for messages
 * @returns Tensors and metadata
 * @throws {FileError} If any rule of the format is broken
 */
export function parseHeader(
  header: Uint8Array,
  dataLength: number,
  name: string,
): SafetensorsHeader {
  const fail = (requirement: string, found: unknown): never => {
    throw new FileError(`Cannot read header as it requires ${requirement}: found ${found}`, name);
  };
  let text = "";
  let parsed: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    fail("UTF-8 text", "other bytes");
  }
  if (!text.startsWith("{")) fail('"{" at its start', JSON.stringify(text.slice(0, 1)));
  try {
    parsed = JSON.parse(text);
  } catch {
    fail("valid JSON", `a fault at byte ${scanJson(text).fault}`);
  }
  if (!isRecord(parsed)) return fail("an object", typeof parsed);
  const duplicate = scanJson(text).duplicate;
  if (duplicate !== undefined) fail("distinct keys", `${excerpt(duplicate)} twice`);
  const entries: TensorEntry[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    if (key !== "__metadata__") entries.push(parseEntry(key, value, name));
  }
  const metadata = parseMetadata(parsed["__metadata__"], name);
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const entry of entries) {
    const { begin, end } = entry;
    if (begin !== position || end < begin) {
      fail(`tensor ${entry.name} at byte ${position}`, `${begin} to ${end}`);
    }
    const length = byteLength(entry.dtype, entry.shape);
    if (length !== end - begin) {
      fail(`${length} bytes for tensor ${entry.name}`, end - begin);
    }
    position = end;
  }
  if (position !== dataLength) fail(`${position} bytes of data`, dataLength);
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

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
