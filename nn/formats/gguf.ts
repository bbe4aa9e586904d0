/**
 * GGUF, the format of llama.cpp: what a file says of itself, and where its tensors lie. Works on bytes
 * alone, so it runs in a browser.
 *
 * **Source**: the specification of GGUF in the repository of ggml, versions 2 and 3.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { sizeOf } from "../../core/shape.ts";
import { type GgufType, ggufTypes } from "./gguf_blocks.ts";

/** A value of a file's metadata. */
export type GgufValue = string | number | boolean | readonly GgufValue[];

/** Where a tensor lies. */
export interface GgufTensor {
  /** Size of each axis, the slowest first. */
  readonly shape: readonly number[];
  /** How its elements lie. */
  readonly type: GgufType;
  /** First byte, from the beginning of the file. */
  readonly begin: number;
  /** Byte behind the last one. */
  readonly end: number;
}

/** What a file holds. */
export interface GgufHeader {
  /** What it says of the model, by key. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Bytes of a file from a place on, as many as are asked for. */
export type ReadBytes = (start: number, length: number) => Uint8Array;

const chunk = 2 ** 20;
/** More than any model has. */
const mostEntries = 2 ** 24;
const mostText = 2 ** 26;
/** Lists of lists of lists: deeper ones would overflow the stack. */
const deepestList = 8;

/** Reads numbers and texts one after the other. */
class ByteReader {
  #view: DataView = new DataView(new ArrayBuffer(0));
  #start = 0;
  #at = 0;

  constructor(readonly read: ReadBytes, readonly size: number, readonly path: string) {}

  /** Bytes that were read. */
  get position(): number {
    return this.#start + this.#at;
  }

  u8 = () => this.#take(1, (view, at) => view.getUint8(at));
  i8 = () => this.#take(1, (view, at) => view.getInt8(at));
  u16 = () => this.#take(2, (view, at) => view.getUint16(at, true));
  i16 = () => this.#take(2, (view, at) => view.getInt16(at, true));
  u32 = () => this.#take(4, (view, at) => view.getUint32(at, true));
  i32 = () => this.#take(4, (view, at) => view.getInt32(at, true));
  f32 = () => this.#take(4, (view, at) => view.getFloat32(at, true));
  f64 = () => this.#take(8, (view, at) => view.getFloat64(at, true));
  u64 = () => Number(this.#take(8, (view, at) => view.getBigUint64(at, true)));
  i64 = () => Number(this.#take(8, (view, at) => view.getBigInt64(at, true)));

  text = (): string => {
    const length = this.count(mostText, "bytes of a text");
    return this.#take(
      length,
      ({ buffer, byteOffset }, at) =>
        new TextDecoder().decode(new Uint8Array(buffer, byteOffset + at, length)),
    );
  };

  /** A number of things, of which a file cannot have more than so many. */
  count(most: number, what: string): number {
    const count = this.u64();
    if (count <= most) return count;
    throw new FileError(
      `Cannot read GGUF as at most ${most} ${what} are allowed: found ${count}`,
      this.path,
    );
  }

  #take<T>(length: number, get: (view: DataView, at: number) => T): T {
    if (this.#at + length > this.#view.byteLength) this.#fetch(length);
    const value = get(this.#view, this.#at);
    this.#at += length;
    return value;
  }

  #fetch(length: number): void {
    const start = this.position;
    if (start + length > this.size) {
      throw new FileError(
        `Cannot read GGUF as ${start + length} bytes are required: found ${this.size}`,
        this.path,
      );
    }
    const bytes = this.read(start, Math.min(Math.max(chunk, length), this.size - start));
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    [this.#start, this.#at] = [start, 0];
  }
}

/** Reads a value inside so many lists. */
type ValueReader = (reader: ByteReader, depth: number) => GgufValue;

/** Readers of values, by the number of their type; a list is apart. */
const valueReaders: readonly ValueReader[] = [
  (r) => r.u8(),
  (r) => r.i8(),
  (r) => r.u16(),
  (r) => r.i16(),
  (r) => r.u32(),
  (r) => r.i32(),
  (r) => r.f32(),
  (r) => r.u8() !== 0,
  (r) => r.text(),
  (r, depth) => listOf(r, depth + 1),
  (r) => r.u64(),
  (r) => r.i64(),
  (r) => r.f64(),
];

function valueReader(reader: ByteReader): ValueReader {
  const type = reader.u32();
  const read = valueReaders[type];
  if (read !== undefined) return read;
  throw new FileError(
    `Cannot read GGUF as a value requires a type from 0 to 12: found ${type}`,
    reader.path,
  );
}

function listOf(reader: ByteReader, depth: number): readonly GgufValue[] {
  if (depth > deepestList) {
    throw new FileError(
      `Cannot read GGUF as at most ${deepestList} lists inside each other are allowed: found more`,
      reader.path,
    );
  }
  const read = valueReader(reader);
  return several(reader.count(mostEntries, "values of a list"), () => read(reader, depth));
}

/** Things that are read one by one: no room is made for more than the file has. */
function several<T>(count: number, read: () => T): T[] {
  const found: T[] = [];
  while (found.length < count) found.push(read());
  return found;
}

/**
 * Reads what a file says of itself.
 *
 * @param size Bytes of the file
 * @throws {FileError} If any rule of the format is broken, or a tensor has a type that is not read
 */
export function parseGguf(read: ReadBytes, size: number, path: string): GgufHeader {
  const reader = new ByteReader(read, size, path);
  const magic = size < 4 ? "" : String.fromCharCode(...[0, 0, 0, 0].map(reader.u8));
  if (magic !== "GGUF") {
    throw new FileError(
      `Cannot read GGUF as its first bytes require GGUF: found ${shown(magic)}`,
      path,
    );
  }
  const version = reader.u32();
  if (version !== 2 && version !== 3) {
    throw new FileError(`Cannot read GGUF as version 2 or 3 is required: found ${version}`, path);
  }
  const tensors = reader.count(mostEntries, "tensors");
  const values = reader.count(mostEntries, "values");
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < values; i++) {
    const key = reader.text();
    if (metadata.has(key)) {
      throw new FileError(`Cannot read GGUF as ${shown(key)} requires one value: found two`, path);
    }
    metadata.set(key, valueReader(reader)(reader, 0));
  }
  const entries = several(tensors, () => tensorEntry(reader));
  const files = metadata.get("split.count") ?? 1;
  if (files !== 1 && files !== 0) {
    throw new FileError(
      `Cannot read GGUF as a model in one file is required: found one of ${shown(files)}`,
      path,
    );
  }
  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !(alignment > 0 && alignment % 8 === 0)) {
    throw new FileError(
      `Cannot read GGUF as general.alignment requires a multiple of 8: found ${shown(alignment)}`,
      path,
    );
  }
  const start = Math.ceil(reader.position / alignment) * alignment;
  return { metadata, tensors: placed(entries, start, size, path) };
}

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** Bytes before it among those of all tensors. */
  readonly offset: number;
}

function tensorEntry(reader: ByteReader): Entry {
  const name = reader.text();
  const rank = reader.u32();
  if (rank > 4) {
    throw new FileError(
      `Cannot read GGUF as tensor ${name} requires at most 4 axes: found ${rank}`,
      reader.path,
    );
  }
  // The fastest axis comes first.
  const shape = Array.from({ length: rank }, () => reader.u64()).reverse();
  return { name, shape, type: reader.u32(), offset: reader.u64() };
}

/** Where the tensors lie in the file, which must hold them all. */
function placed(
  entries: readonly Entry[],
  start: number,
  size: number,
  path: string,
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, shape, type: number, offset } of entries) {
    const type = ggufTypes.get(number);
    if (type === undefined) {
      const known = [...ggufTypes.values()].map(({ name }) => name).join(", ");
      throw new FileError(
        `Cannot read GGUF as tensor ${name} requires a type among ${known}: found number ${number}`,
        path,
      );
    }
    const blocks = sizeOf(shape) / type.elements;
    const [begin, end] = [start + offset, start + offset + blocks * type.bytes];
    if ((shape.at(-1) ?? 1) % type.elements !== 0 || !(end <= size) || tensors.has(name)) {
      throw new FileError(
        `Cannot read GGUF as tensor ${name} requires one place for [${shape}] in ${type.name} ` +
          `within ${size} bytes: found ${begin} to ${end}`,
        path,
      );
    }
    tensors.set(name, { shape, type, begin, end });
  }
  return tensors;
}
