/**
 * Texts that are found where another text goes on with them.
 *
 * @module
 */

/** A sorted list of texts, in which the range that has one beginning is narrowed unit by unit. */
export class Lexicon {
  readonly #texts: readonly string[];
  readonly #ranges = new Map<number, readonly [number, number]>();

  /**
   * Sorts texts.
   *
   * @param texts Texts, of which empty ones are never found
   */
  constructor(texts: Iterable<string>) {
    this.#texts = [...new Set(texts)].filter((text) => text !== "").sort();
    for (let start = 0; start < this.#texts.length;) {
      const unit = this.#unit(start, 0);
      const end = this.#firstAbove(unit, 0, start, this.#texts.length);
      this.#ranges.set(unit, [start, end]);
      start = end;
    }
  }

  /**
   * Finds the texts with which a text goes on at a place, from the shortest to the longest.
   *
   * @returns Their lengths in UTF-16 units
   */
  lengthsAt(text: string, place: number): number[] {
    const lengths: number[] = [];
    let [start, end] = this.#ranges.get(text.charCodeAt(place)) ?? [0, 0];
    for (let depth = 1; start < end; depth++) {
      if (this.#texts[start]?.length === depth) {
        lengths.push(depth);
        start++;
      }
      if (start === end || place + depth >= text.length) break;
      const unit = text.charCodeAt(place + depth);
      start = this.#firstAbove(unit - 1, depth, start, end);
      end = this.#firstAbove(unit, depth, start, end);
    }
    return lengths;
  }

  #unit(index: number, depth: number): number {
    return this.#texts[index]?.charCodeAt(depth) ?? 0;
  }

  /** Returns the first index whose text has a unit above one at a depth. */
  #firstAbove(unit: number, depth: number, from: number, to: number): number {
    let [low, high] = [from, to];
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#unit(middle, depth) > unit) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
