/**
 * The known name that a mistyped one is nearest to.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";

/**
 * An error that names the nearest known option.
 *
 * @param where What follows the name in the message
 */
export function unknownName(name: string, known: readonly string[], where = ""): OptionError {
  return new OptionError(
    `Cannot find option ${name}${where}: the nearest known one is ${nearest(name, known)}`,
  );
}

/** The known name with the fewest edits from `name`, the first of several. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  return [...known].sort((a, b) => distance(name, a) - distance(name, b))[0];
}

/** Edits between two words, by Levenshtein. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
