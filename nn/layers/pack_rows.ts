/**
 * How several examples share the rows of a batch.
 *
 * @module
 */

/** The least multiple of a number that is not below another. */
export function multipleFrom(least: number, multiple: number): number {
  return Math.ceil(least / multiple) * multiple;
}

/** Rows of one width, and where examples lie in them. */
export interface Rows {
  /** Number of rows. */
  readonly size: number;
  /** Tokens of each. */
  readonly width: number;
  /** Place of each example's first token among those of all rows, one row after the other. */
  readonly starts: readonly number[];
}

/**
 * Lays examples into rows, first fit decreasing: the longest goes first, each into the first row that has
 * room. Of all widths that the rows can have, the least that makes the fewest tokens is taken: what a
 * wider row would save in padding is known, and each of its tokens is a key to compare with.
 *
 * @param lengths Tokens of each example, at least one
 * @param most Most tokens in a row, at least the longest example's
 * @param multiple Rows have a multiple of so many tokens, or the most; default 1
 */
export function packRows(lengths: readonly number[], most: number, multiple = 1): Rows {
  const order = [...lengths.keys()].sort((a, b) => lengths[b]! - lengths[a]!);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const filled = (tokens: number) => Math.min(most, multipleFrom(tokens, multiple));
  let best: { area: number; used: number[]; places: number[][] } | undefined;
  for (let width = filled(lengths[order[0]!]!);; width = filled(width + 1)) {
    const used: number[] = [];
    const places: number[][] = [];
    for (const example of order) {
      const found = used.findIndex((tokens) => tokens + lengths[example]! <= width);
      const row = found < 0 ? used.length : found;
      places[example] = [row, used[row] ??= 0];
      used[row] += lengths[example]!;
    }
    const area = used.length * filled(Math.max(...used));
    if (best === undefined || area < best.area) best = { area, used, places };
    if (width === most || best.area === total) break;
  }
  const { used, places } = best;
  const width = filled(Math.max(...used));
  return { size: used.length, width, starts: places.map(([row, at]) => row! * width + at!) };
}
