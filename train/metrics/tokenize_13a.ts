/**
 * The tokenisations of mteval: that of version 13a, in which BLEU scores are published, and the
 * international one of version 14.
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
  return split(
    ` ${unescaped(text)} `
      .replace(punctuation, " $& ")
      .replace(/([^0-9])([.,])/gu, "$1 $2 ")
      .replace(/([.,])([^0-9])/gu, " $1 $2")
      .replace(/([0-9])-/g, "$1 - "),
  );
}

/**
 * Splits a text at every symbol and at punctuation beside anything but a number, case kept.
 *
 * Source: mteval-v14.pl of NIST, as read by sacreBLEU (`intl`), https://github.com/mjpost/sacrebleu
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(tokenizeInternational("£20-25, it's."), ["£", "20-25", ",", "it", "'", "s", "."]);
 * ```
 */
export function tokenizeInternational(text: string): string[] {
  return split(
    text.replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
      .replace(/(\p{P})(\P{N})/gu, " $1 $2")
      .replace(/\p{S}/gu, " $& "),
  );
}

/** The text on one line, with the characters for which SGML has entities. */
function unescaped(text: string): string {
  // Without this a hyphen at the very end would be taken for one that breaks a word.
  const trimmed = text.replace(/\p{White_Space}+$/u, "");
  const line = trimmed.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  return entities.reduce((line, [entity, character]) => line.replaceAll(entity, character), line);
}

function split(text: string): string[] {
  return text.split(whiteSpace).filter((token) => token !== "");
}
