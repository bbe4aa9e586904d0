/**
 * Where the examples of a list were read, apart from them, as it is no part of what they are.
 *
 * @module
 */

/** Where an example was read. */
export interface Place {
  /** Path of the file. */
  readonly path: string;
  /** One-based row, header not counted. */
  readonly row: number;
  /** One-based line; undefined in a binary file, or where it is not known. */
  readonly line: number | undefined;
}

/** Places of examples, in their order. */
export class Places {
  readonly #files: { readonly path: string; readonly first: number }[] = [];
  /** 0 where a line is not known. */
  readonly #lines: number[] = [];
  #picked: { readonly from: Places; readonly numbers: readonly number[] } | undefined;

  /** The place of the next example, which is the next row of its file. */
  add(path: string, line = 0): void {
    if (this.#files.at(-1)?.path !== path) this.#files.push({ path, first: this.#lines.length });
    this.#lines.push(line);
  }

  /** The place of an example by its number; undefined where it was not read from a file. */
  at(index: number): Place | undefined {
    if (this.#picked !== undefined) {
      const number = this.#picked.numbers[index];
      return number === undefined ? undefined : this.#picked.from.at(number);
    }
    const file = this.#files.findLast(({ first }) => first <= index);
    const line = this.#lines[index];
    if (file === undefined || line === undefined) return undefined;
    return { path: file.path, row: index - file.first + 1, line: line === 0 ? undefined : line };
  }

  /** The places of some examples alone, by their numbers. */
  pick(numbers: readonly number[]): Places {
    const picked = new Places();
    picked.#picked = { from: this, numbers };
    return picked;
  }
}
