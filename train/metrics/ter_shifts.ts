/**
 * Shifts of tercom: which runs of words may move in one edit, and the greedy search that moves them.
 *
 * @module
 */

import { type Edit, EditTable, moveRun } from "./edit_table.ts";

/** A run of words, and the word after which it goes; -1 for the front. */
interface Shift {
  readonly start: number;
  readonly length: number;
  readonly after: number;
}

/** What an alignment says about each word. */
interface Errors {
  /** Whether a word of the hypothesis is wrong. */
  readonly hypothesis: readonly boolean[];
  /** Whether a word of the reference is missed. */
  readonly reference: readonly boolean[];
  /** The last word of the hypothesis up to a word of the reference; -1 for none. */
  readonly aligned: readonly number[];
}

const longestRun = 10, furthest = 50, beamWidth = 20;

/**
 * Edits of the translation edit rate: insertions, deletions, substitutions and shifts that turn a
 * hypothesis into a reference. Shifts are made one by one, each the best there is.
 *
 * Source: Snover et al., https://aclanthology.org/2006.amta-papers.25, and tercom 0.7.25
 */
export function countEdits(hypothesis: Int32Array, reference: Int32Array): number {
  if (hypothesis.length === 0 || reference.length === 0) {
    return hypothesis.length + reference.length;
  }
  const table = new EditTable(reference, hypothesis.length, beamWidth);
  const positions = Map.groupBy(reference.keys(), (position) => reference[position]!);
  let words = hypothesis, shifts = 0;
  for (;;) {
    const distance = table.distance(words);
    const candidates = shiftsOf(words, reference, positions, errorsOf(table.path()));
    const shifted = bestShift(words, distance, candidates, table);
    if (shifted === undefined) return shifts + distance;
    words = shifted;
    shifts++;
  }
}

/** The words after the shift that saves most, if one saves as much as it costs. */
function bestShift(
  words: Int32Array,
  distance: number,
  candidates: readonly (readonly Shift[])[],
  table: EditTable,
): Int32Array | undefined {
  let best: Int32Array | undefined, least = distance;
  for (let length = longestRun; length > 0; length--) {
    for (const shift of candidates[length]!) {
      // A shift of this length cannot save more.
      const saved = distance - least;
      if (saved > 2 * length || (best !== undefined && saved === 2 * length)) return best;
      const shifted = moveRun(words, shift.start, shift.length, positionOf(shift));
      const cost = table.distance(shifted) + 1;
      if (cost < least || (best === undefined && cost === least)) [best, least] = [shifted, cost];
    }
  }
  return best;
}

/** Possible shifts by their length, in the order in which tercom tries them. */
function shiftsOf(
  words: Int32Array,
  reference: Int32Array,
  positions: ReadonlyMap<number, readonly number[]>,
  errors: Errors,
): Shift[][] {
  const { aligned } = errors;
  const shifts = Array.from({ length: longestRun + 1 }, (): Shift[] => []);
  for (let start = 0; start < words.length; start++) {
    let targets = positions.get(words[start]!) ?? [];
    const movable = targets.some((target) => {
      const distance = aligned[target]! - start;
      return distance !== 0 && distance <= furthest && -distance - 1 <= furthest;
    });
    if (!movable) continue;
    for (let length = 1; length <= longestRun && start + length <= words.length; length++) {
      const last = start + length - 1;
      targets = targets.filter((target) => reference[target + length - 1] === words[last]);
      if (targets.length === 0) break;
      if (!errors.hypothesis.slice(start, last + 1).includes(true)) continue;
      const apart = targets.filter((target) => {
        const position = aligned[target]!;
        return (position < start || position > last) && Math.abs(position - start) <= furthest;
      });
      if (apart.length === 0) break;
      for (const target of apart) {
        if (!errors.reference.slice(target, target + length).includes(true)) continue;
        for (const after of anchors(target, length, start, aligned)) {
          shifts[length]!.push({ start, length, after });
        }
      }
    }
  }
  return shifts;
}

/** Words after which a run can go so that it meets its target. */
function anchors(
  target: number,
  length: number,
  start: number,
  aligned: readonly number[],
): number[] {
  const found = target === 0 ? [-1] : [];
  for (let position = Math.max(0, target - 1); position < target + length; position++) {
    const after = aligned[position]!;
    if (after !== start && (position === target || after !== aligned[target])) found.push(after);
  }
  return found;
}

/** Where a run begins after its shift. */
function positionOf({ start, length, after }: Shift): number {
  if (after < start) return after + 1;
  // Where it goes inside itself, the run moves on by as many words.
  return after < start + length ? after : after + 1 - length;
}

function errorsOf(path: readonly Edit[]): Errors {
  const hypothesis: boolean[] = [], reference: boolean[] = [], aligned: number[] = [];
  for (const edit of path) {
    const wrong = edit !== "keep";
    if (edit !== "delete") hypothesis.push(wrong);
    if (edit !== "insert") {
      reference.push(wrong);
      aligned.push(hypothesis.length - 1);
    }
  }
  return { hypothesis, reference, aligned };
}
