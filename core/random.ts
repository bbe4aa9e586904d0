/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds. A number is a function of key and
 * counter alone, so masks do not depend on call order, batch layout or backend.
 *
 * @module
 */

import { trace } from "./capture_trace.ts";
import { OptionError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import { isWord } from "./numbers.ts";
import { reserve } from "./reserve.ts";
import { threefryBlock, type Words } from "./threefry.ts";

/** Two words that name a stream of random numbers. */
export type Key = readonly [number, number];

const numbers: Words<number> = {
  of: (value) => value,
  add: (a, b) => (a + b) | 0,
  xor: (a, b) => a ^ b,
  rotateLeft: (a, bits) => (a << bits) | (a >>> (32 - bits)),
  assign: (_, value) => value,
};

/**
 * The block of two words at counter `(c0, c1)` under a key.
 *
 * @throws {OptionError} If the key or the counter is made of anything but words of 32 bits
 */
export function threefry(key: Key, c0: number, c1: number): [number, number] {
  checkKey(key);
  if (!isWord(c0) || !isWord(c1)) {
    throw new OptionError(
      "Cannot draw random numbers as the counter requires two integers from 0 to 4294967295: " +
        `found ${shown(c0)} and ${shown(c1)}`,
    );
  }
  return block(key, c0, c1);
}

function block(key: Key, c0: number, c1: number): [number, number] {
  const [x, y] = threefryBlock(numbers, key, [c0, c1]);
  return [x >>> 0, y >>> 0];
}

/**
 * Checks what random numbers are drawn by.
 *
 * @throws {OptionError} If it is anything but two words of 32 bits
 */
export function checkKey(key: Key): void {
  if (isKey(key)) return;
  throw new OptionError(
    `Cannot draw random numbers as a key of two words of 32 bits is required (seedKey makes one ` +
      `of a seed): found ${shown(key)}`,
  );
}

function isKey(key: unknown): boolean {
  return Array.isArray(key) && key.length === 2 && isWord(key[0]) && isWord(key[1]);
}

/**
 * Key of a seed: any non-negative safe integer.
 *
 * @throws {OptionError} If the seed is anything else
 */
export function seedKey(seed: number): Key {
  if (!(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new OptionError(
      `Cannot seed random numbers as an integer from 0 to 2^53 - 1 is required: found ${
        shown(seed)
      }`,
    );
  }
  return [Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0];
}

/**
 * A key derived from another one by a number, a word of 32 bits, or the path of a site.
 *
 * @throws {OptionError} If the key or the number is none
 */
export function foldKey(key: Key, by: number | string): Key {
  // Numbers and paths use different words of the counter, so they cannot meet.
  if (typeof by === "number") return folded(key, by, 0);
  if (typeof by === "string") return folded(key, hash(by), 1);
  throw new OptionError(
    `Cannot derive a key as a word of 32 bits or a path is required: found ${shown(by)}`,
  );
}

function folded(key: Key, c0: number, c1: number): Key {
  const into = threefry(key, c0, c1);
  trace?.folded(key, [c0, c1], into);
  return into;
}

function hash(text: string): number {
  let h = 0x811C9DC5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/**
 * `count` numbers uniform in [0, 1), with 32 random bits each.
 *
 * @throws {OptionError} If the key is none
 * @throws {DeviceError} If there is too little memory
 */
export function uniform(key: Key, count: number): Float64Array {
  checkKey(key);
  const out = reserve(8 * count, () => new Float64Array(count));
  for (let i = 0; i < count; i += 2) {
    const [a, b] = block(key, 0, i >> 1);
    out[i] = a / 2 ** 32;
    if (i + 1 < count) out[i + 1] = b / 2 ** 32;
  }
  return out;
}

/**
 * `count` numbers from the normal distribution with mean 0 and deviation 1 (Box-Muller).
 *
 * @throws {OptionError} If the key is none
 * @throws {DeviceError} If there is too little memory
 */
export function normal(key: Key, count: number): Float64Array {
  const u = uniform(key, 2 * Math.ceil(count / 2));
  const out = reserve(8 * count, () => new Float64Array(count));
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - u[i]!));
    const angle = 2 * Math.PI * u[i + 1]!;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** Where a mask drops: its word is below this. */
export function threshold(rate: number): number {
  return Math.floor(rate * 2 ** 32);
}
