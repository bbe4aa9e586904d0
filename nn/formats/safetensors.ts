/**
 * The header of a safetensors file: which tensors it holds, and where. Works on bytes alone, so it
 * runs in a browser.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord } from "./json_record.ts";
import { scanJson } from "./json_scan.ts";

/** Element types that can be read and written. */
export type FileDtype = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "U8" | "BOOL";

/** Where one tensor lies in a file. */
export interface TensorEntry {
  /** Key in the header. */
  readonly name: string;
  /** Type of the elements. */
  readonly dtype: FileDtype;
  /** Shape; empty for a scalar. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data section. */
  readonly begin: number;
  /** Byte behind the last one, counted from the start of the data section. */
  readonly end: number;
}

/** A header that keeps all rules of the format. */
export interface SafetensorsHeader {
  /** Tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The `__metadata__` entry; empty when the file has none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What a header says of a tensor, its place aside. */
export type TensorInfo = Pick<TensorEntry, "name" | "dtype" | "shape">;

/** Far more than any model has; a header of a hundred megabytes could name millions. */
const mostTensors = 200_000;
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

const isDtype = (value: unknown): value is FileDtype =>
  typeof value === "string" && Object.hasOwn(itemSizes, value);
/** Whether a value can be the size of an axis. */
export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;

/** Bytes of a tensor, or NaN when they are beyond the exact integers. */
export function byteLength(dtype: FileDtype, shape: readonly number[]): number {
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
  const count = header.reduce((sum, byte) => byte === 0x7b ? sum + 1 : sum, 0);
  if (count > mostTensors) fail(`at most ${mostTensors} tensors`, count);
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
