/**
 * Words that choose rows of a table, checked on the host as far as it wrote them: nothing is read
 * from the device, and every backend gives the same error.
 *
 * @module
 */

import { trace } from "./capture_trace.ts";
import { IndexError } from "./errors.ts";
import { sizeOf } from "./shape.ts";
import type { Value } from "./storage.ts";

/** Label of a row that does not count. */
export const ignoreIndex = 0xFFFFFFFF;

/** A word that lies beyond a table. */
export interface OutOfRange {
  /** The number itself. */
  readonly word: number;
  /** Where it stands: its place on each axis. */
  readonly place: readonly number[];
}

/** The words of a value's memory, where the host sees them. */
function wordsOf({ dtype, storage: { words, backend, buffer } }: Value): Uint32Array | undefined {
  return dtype === "u32" ? words ?? backend.words?.(buffer) : undefined;
}

/** Whether the host sees the words of a value. */
export function hasWords(value: Value): boolean {
  return wordsOf(value) !== undefined;
}

/**
 * The first word that is not below the limit; undefined where there is none, or the host does not
 * see the words that a program computed.
 *
 * @param ignored A word that stands for none
 */
export function firstOutOfRange(
  value: Value,
  limit: number,
  ignored?: number,
): OutOfRange | undefined {
  const { shape } = value;
  const words = wordsOf(value);
  if (words === undefined) return undefined;
  trace?.checked(value, limit, ignored);
  const size = sizeOf(shape);
  if (value.contiguous) {
    const i = firstAbove(words.subarray(value.offset, value.offset + size), limit, ignored);
    return i < 0 ? undefined : { word: words[value.offset + i]!, place: placeOf(i, shape) };
  }
  for (let i = 0; i < size; i++) {
    const word = words[elementOf(value, placeOf(i, shape))]!;
    if (word >= limit && word !== ignored) return { word, place: placeOf(i, shape) };
  }
  return undefined;
}

function firstAbove(words: Uint32Array, limit: number, ignored: number | undefined): number {
  for (let i = 0; i < words.length; i++) {
    if (words[i]! >= limit && words[i] !== ignored) return i;
  }
  return -1;
}

/**
 * The words of values that are joined along an axis, in row-major order; undefined where the host
 * does not know them all.
 */
export function joinedWords(values: readonly Value[], axis: number): Uint32Array | undefined {
  if (values.some(({ storage }) => storage.words === undefined)) return undefined;
  const sizes = values.map(({ shape }) => sizeOf(shape));
  const joined = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
  const rows = sizeOf(values[0]!.shape.slice(0, axis));
  const step = joined.length / rows;
  let start = 0;
  values.forEach((value, v) => {
    const run = sizes[v]! / rows;
    for (let i = 0; i < sizes[v]!; i++) {
      const at = elementOf(value, placeOf(i, value.shape));
      joined[Math.floor(i / run) * step + start + i % run] = value.storage.words![at]!;
    }
    start += run;
  });
  return joined;
}

function elementOf({ strides, offset }: Value, place: readonly number[]): number {
  return place.reduce((at, step, axis) => at + step * strides[axis]!, offset);
}

function placeOf(position: number, shape: readonly number[]): number[] {
  const place = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = position % shape[axis]!;
    position = Math.floor(position / shape[axis]!);
  }
  return place;
}

/** `no number`, `0 alone` or `0 to 95`: the numbers of a table of that size. */
export function numbersOf(size: number): string {
  return size === 0 ? "no number" : size === 1 ? "0 alone" : `0 to ${size - 1}`;
}

/**
 * Checks rows of a table.
 *
 * @throws {IndexError} If one lies beyond it
 */
export function checkRows(operation: string, rows: Value, height: number): void {
  const found = firstOutOfRange(rows, height);
  if (found === undefined) return;
  throw new IndexError(
    `Cannot apply ${operation} as rows requires ${numbersOf(height)}, as the table has ${height} ` +
      `rows: found ${found.word} at [${found.place}]`,
  );
}
