/**
 * The mean of segments' translation edit rates, as the script of the WebNLG challenge 2020 takes it
 * with pyter.
 *
 * @module
 */

import { EditTable, moveRun } from "./edit_table.ts";
import { requireLists, splitWords } from "./segments.ts";

/** The mean translation edit rate. */
export interface MeanTerResult {
  /** Mean over segments; 0 is best, and it may be above 1. */
  readonly score: number;
  /** Rate of each segment against the reference that gives the least. */
  readonly segments: readonly number[];
}

/**
 * Mean over segments of the least translation edit rate to a reference. Words are parted by white
 * space and compared as they are. A segment whose references are all empty has a rate of 1.
 *
 * Beside {@linkcode ter}, which sums edits over the corpus: any run of equal words may shift, to the
 * place of its equal in the reference, in one edit, and each segment weighs the same. The challenge's
 * script counts the end of its files as one more segment, with a rate of 1; this does not.
 *
 * Source: pyter, https://github.com/roy-ht/pyter; WebNLG, https://github.com/WebNLG/GenerationEval
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list is empty
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(meanTer(["c a b", "x"], [["a b c"], ["y"]]), { score: 2 / 3, segments: [1 / 3, 1] });
 * ```
 */
export function meanTer(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
): MeanTerResult {
  const lists = requireLists("mean TER", hypotheses, references);
  const segments = hypotheses.map((hypothesis, segment) =>
    Math.min(...lists[segment]!.map((reference) => rate(hypothesis, reference)))
  );
  return { score: segments.reduce((sum, value) => sum + value, 0) / segments.length, segments };
}

function rate(hypothesis: string, reference: string): number {
  const texts = [hypothesis, reference].map((text) => splitWords(text));
  // Numbered in their order as text, as pyter takes the last in that order of equal shifts.
  const order = new Map([...new Set(texts.flat())].sort().map((word, rank) => [word, rank]));
  const numbers = texts.map((words) => Int32Array.from(words, (word) => order.get(word)!));
  const goal = numbers[1]!;
  if (goal.length === 0) return 1;
  const table = new EditTable(goal, numbers[0]!.length);
  let words: Int32Array = numbers[0]!;
  for (let shifts = 0;; shifts++) {
    const distance = table.distance(words);
    const { shifted, left } = bestShift(words, goal, table);
    if (shifted === undefined || left >= distance) return (shifts + distance) / goal.length;
    words = shifted;
  }
}

function bestShift(
  words: Int32Array,
  goal: Int32Array,
  table: EditTable,
): { shifted: Int32Array | undefined; left: number } {
  let shifted: Int32Array | undefined, left = Infinity;
  for (let start = 0; start < words.length; start++) {
    for (let target = 0; target < goal.length; target++) {
      if (start === target || words[start] !== goal[target]) continue;
      let length = 1;
      while (
        start + length < words.length && target + length < goal.length &&
        words[start + length] === goal[target + length]
      ) length++;
      const candidate = moveRun(words, start, length, target);
      const distance = table.distance(candidate);
      if (distance < left || (distance === left && isAfter(candidate, shifted!))) {
        [shifted, left] = [candidate, distance];
      }
    }
  }
  return { shifted, left };
}

function isAfter(words: Int32Array, others: Int32Array): boolean {
  const first = words.findIndex((word, i) => word !== others[i]);
  return first >= 0 && words[first]! > others[first]!;
}
