/**
 * Launches that go to the card together.
 *
 * @module
 */

import type { CardLaunch } from "./launch.ts";

/** Launches and their parameters, one after another, each beginning at a multiple of two words. */
export interface Launches {
  /** The launches. */
  readonly launches: readonly CardLaunch[];
  /** Their parameters. */
  readonly words: Uint32Array;
  /** Words in use. */
  readonly used: number;
  /** Launches that each waits for, by their numbers here; absent where each waits for the one before. */
  readonly after?: readonly (readonly number[])[] | undefined;
}

/** Words that a launch's parameters take. */
export function placesOf({ words: { length } }: CardLaunch): number {
  return length + (length & 1);
}

/** Launches that wait, with their parameters one after another. */
export class LaunchSegment implements Launches {
  /** The launches. */
  readonly launches: CardLaunch[] = [];
  /** Their parameters, each beginning at a multiple of two words. */
  words: Uint32Array<ArrayBuffer> = new Uint32Array(2 ** 14);
  /** Words in use. */
  used = 0;

  /** The same words as floats. */
  floats: Float32Array = new Float32Array(this.words.buffer);

  /** Room for a launch's parameters; gives the place of the first word. */
  add(launch: CardLaunch): number {
    const at = this.used;
    const size = placesOf(launch);
    if (at + size > this.words.length) {
      const larger = new Uint32Array(2 * (at + size));
      larger.set(this.words);
      this.words = larger;
      this.floats = new Float32Array(larger.buffer);
    }
    this.words.set(launch.words, at);
    this.used = at + size;
    this.launches.push(launch);
    return at;
  }

  /** Begins anew. */
  clear(): void {
    this.launches.length = 0;
    this.used = 0;
  }
}
