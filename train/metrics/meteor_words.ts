/**
 * METEOR's normalising tokeniser for English (its option `-norm`): what a word is before words are
 * compared.
 *
 * @module
 */

/** Letters that METEOR knows: western European and Cyrillic ones. */
const letters = "A-Za-z\u0160\u017D\u0161\u017E\u0178\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u017E" +
  "\u0400-\u0527\uA640-\uA66E\uA67E-\uA697\u1D00-\u1D7F";

const other = new RegExp(`[^0-9${letters}\\t-\\r .'\`,\u2018\u2019-]`, "gu");
const dashBetween = new RegExp(`([0-9${letters}.])-([0-9${letters}])`, "gu");
const letter = new RegExp(`[${letters}]`, "u");
const apostrophes: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [new RegExp(`([^${letters}])'([^${letters}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([^0-9${letters}])'([${letters}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([${letters}])'([^${letters}])`, "gu"), "$1 ' $2"],
  [new RegExp(`([${letters}])'([${letters}])`, "gu"), "$1 '$2"],
  [/([0-9])'(s)/g, "$1 '$2"],
];
/** Stands for a full stop of a row of them while single ones are looked at. */
const dotInRow = "\uE000";

/** Where the full stop of an abbreviation stays: always, or before a number only. */
export type PrefixKind = "always" | "number";

/**
 * Splits a text into words and marks, in lower case.
 *
 * The patterns consume the characters around a mark, as METEOR's do: in `a-b-c` the second hyphen
 * stays.
 *
 * Source: METEOR 1.5, https://www.cs.cmu.edu/~alavie/METEOR/, after the tokeniser of Moses
 *
 * @param prefixes Abbreviations, without their full stop
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const words = meteorWords("It's a family-friendly pub...", new Map());
 * assertEquals(words, ["it", "'s", "a", "family", "friendly", "pub", "..."]);
 * ```
 */
export function meteorWords(text: string, prefixes: ReadonlyMap<string, PrefixKind>): string[] {
  let line = ` ${text} `
    .replace(other, " $& ")
    .replace(/\.{2,}/g, (dots) => ` ${dotInRow.repeat(dots.length)} `)
    .replace(/([^0-9]),([^0-9])/gu, "$1 , $2")
    .replace(/([0-9]),([^0-9])/gu, "$1 , $2")
    .replace(/([^0-9]),([0-9])/gu, "$1 , $2")
    .replace(/[`\u2018\u2019]/g, "'")
    .replace(/[\u201C\u201D]|''/g, ' " ')
    .replaceAll("\u2013", "-")
    .replaceAll("--", "-")
    .replace(dashBetween, "$1 $2");
  for (const [pattern, replacement] of apostrophes) line = line.replace(pattern, replacement);
  const words = split(line, /[\t\n\f\r ]+/);
  const parted = words.map((word, i) => withoutStop(word, words[i + 1] ?? "", prefixes));
  return split(parted.join(" ").replaceAll(dotInRow, ".").toLowerCase(), /[\s\u180E]+/);
}

/** Parts a word from its full stop, but for abbreviations. */
function withoutStop(
  word: string,
  next: string,
  prefixes: ReadonlyMap<string, PrefixKind>,
): string {
  if (word.length < 2 || !word.endsWith(".")) return word;
  const rest = word.slice(0, -1);
  if (rest.includes(".") && letter.test(rest)) return word.replaceAll(".", "");
  const kind = prefixes.get(rest);
  const stays = kind === "always" || /^[a-z]/.test(next) ||
    (kind === "number" && /^[0-9]/.test(next));
  return stays ? word : `${rest} .`;
}

function split(text: string, pattern: RegExp): string[] {
  return text.split(pattern).filter((word) => word !== "");
}
