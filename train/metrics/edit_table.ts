/**
 * Edit distance for translation edit rates: a table over the words of reference and hypothesis, with
 * tercom's beam over its columns, and the way through it. Words are numbers here.
 *
 * @module
 */

/** One step on the way from hypothesis to reference. */
export type Edit = "keep" | "substitute" | "insert" | "delete";

const edits: readonly Edit[] = ["keep", "substitute", "insert", "delete"];
const keep = 0, substitute = 1, insert = 2, remove = 3;

const unreached = 1 << 24;

/** Distances from one reference to hypotheses of one length. */
export class EditTable {
  /** Cost of each cell, one column after the other; a column stands for a word of the hypothesis. */
  readonly #costs: Int32Array;
  readonly #steps: Uint8Array;
  /** Most that a cell of a column may cost to be followed. */
  readonly #bounds: Int32Array;
  readonly #reference: Int32Array;
  readonly #beam: number;
  /** The hypothesis of the table; columns of words that stay are not computed again. */
  #filled: Int32Array = new Int32Array(0);

  /**
   * Makes the table of a reference for hypotheses of `length` words.
   *
   * @param beam How much worse than the best diagonal step of its column a cell may be
   */
  constructor(reference: Int32Array, length: number, beam = Infinity) {
    this.#reference = reference;
    this.#beam = beam;
    const height = reference.length + 1;
    this.#costs = new Int32Array(height * (length + 1));
    this.#steps = new Uint8Array(this.#costs.length);
    this.#bounds = new Int32Array(length + 1).fill(unreached);
    for (let row = 0; row < height; row++) {
      this.#costs[row] = row;
      this.#steps[row] = remove;
    }
  }

  /** Number of edits that turn a hypothesis into the reference. */
  distance(hypothesis: Int32Array): number {
    let column = 0;
    while (column < this.#filled.length && this.#filled[column] === hypothesis[column]) column++;
    for (; column < hypothesis.length; column++) this.#fill(column + 1, hypothesis);
    this.#filled = hypothesis;
    return this.#costs.at(-1)!;
  }

  /** The edits of the latest hypothesis, from left to right. */
  path(): Edit[] {
    const height = this.#reference.length + 1;
    const path: Edit[] = [];
    let row = height - 1, column = this.#filled.length;
    while (row > 0 || column > 0) {
      const step = this.#steps[column * height + row]!;
      path.push(edits[step]!);
      if (step !== insert) row--;
      if (step !== remove) column--;
    }
    return path.reverse();
  }

  #fill(column: number, hypothesis: Int32Array): void {
    const costs = this.#costs, steps = this.#steps, reference = this.#reference;
    const height = reference.length + 1;
    const word = hypothesis[column - 1]!, bound = this.#bounds[column - 1]!;
    const here = column * height, before = here - height;
    costs[here] = unreached;
    let best = unreached;
    for (let row = 1; row < height; row++) {
      const diagonal = costs[before + row - 1]!;
      const step = reference[row - 1] === word ? keep : substitute;
      const cost = diagonal <= bound ? diagonal + step : unreached;
      costs[here + row] = cost;
      steps[here + row] = step;
      if (cost < best) best = cost;
    }
    const last = column === hypothesis.length;
    const own = last ? unreached : Math.min(best + this.#beam, unreached);
    this.#bounds[column] = own;
    let above = unreached;
    for (let row = 0; row < height; row++) {
      let cost = costs[here + row]!;
      const left = costs[before + row]!;
      // Of equal ways tercom takes the diagonal, then insertion, then deletion.
      if (left <= bound && left + 1 < cost) {
        costs[here + row] = cost = left + 1;
        steps[here + row] = insert;
      }
      if (above <= own && above + 1 < cost) {
        costs[here + row] = cost = above + 1;
        steps[here + row] = remove;
      }
      above = cost;
    }
  }
}

/** Words with a run taken out and put where it begins at `target`, or at the end. */
export function moveRun(
  words: Int32Array,
  start: number,
  length: number,
  target: number,
): Int32Array {
  const end = start + length, position = Math.min(target, words.length - length);
  const moved = words.slice();
  if (position < start) moved.copyWithin(position + length, position, start);
  else moved.copyWithin(start, end, position + length);
  moved.set(words.subarray(start, end), position);
  return moved;
}
