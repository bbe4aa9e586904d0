/**
 * The tokenisation of mteval-v13a, in which BLEU scores are published.
 *
 * @module
 */

const entities: readonly (readonly [entity: string, character: string])[] = [
  ["&quot;", '"'],
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
];

/** ASCII punctuation except the apostrophe, comma, full stop and hyphen, which have own rules. */
const punctuation = /[!-&(-+:-@/[-`{-~]/g;

/** Unlike `\s`, this holds U+0085 and not the byte order mark, as in Python. */
const whiteSpace = /\p{White_Space}+/u;

/**
 * Splits a text into words, numbers and punctuation marks, case kept.
 *
 * Source: mteval-v13a.pl of NIST, as read by sacreBLEU, https://github.com/mjpost/sacrebleu
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tokenize13a("It costs 1,000.50 pounds."), ["It", "costs", "1,000.50", "pounds", "."]);
 * ```
 */
export function tokenize13a(text: string): string[] {
  // Without this a hyphen at the very end would be taken for one that breaks a word.
  const trimmed = text.replace(/\p{White_Space}+$/u, "");
  let line = trimmed.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [entity, character] of entities) line = line.replaceAll(entity, character);
  return ` ${line} `
    .replace(punctuation, " $& ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])-/g, "$1 - ")
    .split(whiteSpace)
    .filter((token) => token !== "");
}
