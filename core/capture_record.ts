/**
 * What the host computes of a key, and checks of words, while work is captured.
 *
 * @module
 */

import type { CaptureTrace, SeenWords } from "./capture_trace.ts";
import { firstOutOfRange } from "./indices.ts";
import { type Key, threefry } from "./random.ts";
import { type Storage, Value } from "./storage.ts";

/** By what a key was folded from which of those before it. */
type Fold = readonly [from: number, c0: number, c1: number];

/** A value without its memory. */
export type Outline = Pick<Value, "dtype" | "shape" | "strides" | "offset">;

/** A check of words that the host saw. */
interface Check {
  /** Place of the input in whose memory they lie. */
  readonly input: number;
  readonly outline: Omit<Outline, "dtype">;
  readonly limit: number;
  readonly ignored: number | undefined;
}

/** What the host computed from the key and checked of the inputs, in its order. */
export class CaptureRecord implements CaptureTrace {
  /** The key that was given, then those that were folded. */
  readonly keys: Key[];
  readonly folds: Fold[] = [];
  readonly checks: Check[] = [];
  /** Memory that is no input's, such as a model's own, by whose words it chose, as the host has them. */
  readonly #kept = new Map<SeenWords["storage"], Uint32Array>();
  /** Whether it checked words that it may compute otherwise the next time. */
  isSpoiled = false;

  constructor(readonly inputs: readonly Storage[], key: Key) {
    this.keys = [key];
  }

  folded(from: Key, [c0, c1]: readonly [number, number], into: Key): void {
    const place = this.keys.findIndex((key) => sameKey(key, from));
    // Keys of their own, which no step's key decides, are always the same.
    if (place < 0) return;
    this.folds.push([place, c0, c1]);
    this.keys.push(into);
  }

  checked({ storage, shape, strides, offset }: SeenWords, limit: number, ignored?: number): void {
    const input = this.inputs.findIndex((one) => one === storage);
    if (input < 0) {
      if (storage.words === undefined) this.isSpoiled = true;
      else this.#kept.set(storage, storage.words);
      return;
    }
    const check = { input, outline: { shape, strides, offset }, limit, ignored };
    if (!this.checks.some((before) => sameJson([before], [check]))) this.checks.push(check);
  }

  /** Whether such words may be others now; those that were made meanwhile are, the next time. */
  isOutdated(made: ReadonlySet<object> = new Set()): boolean {
    return [...this.#kept].some(([storage, words]) =>
      storage.released || storage.words !== words || made.has(storage)
    );
  }
}

/** The key that was given, then those that are folded of it. */
export function keysOf(key: Key, folds: readonly Fold[]): Key[] {
  const keys: Key[] = [key];
  for (const [from, c0, c1] of folds) keys.push(threefry(keys[from]!, c0, c1));
  return keys;
}

/** Whether two keys have the same words. */
export function sameKey(a: Key, b: Key): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** Whether two lists have the same text. */
export function sameJson(a: readonly unknown[], b: readonly unknown[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether words of an input are out of range now; running the function says of which. */
export function fails(
  { input, outline, limit, ignored }: Check,
  storages: readonly Storage[],
): boolean {
  const { shape, strides, offset } = outline;
  const value = new Value(storages[input]!, shape, strides, offset);
  return firstOutOfRange(value, limit, ignored) !== undefined;
}
