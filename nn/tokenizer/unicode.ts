/**
 * Classes, cases and normal forms of characters as the Rust library tokenizers has them, whatever
 * the tables of the engine that runs this.
 *
 * @module
 */

import {
  since17,
  sinceMarks,
  sinceNonspacing,
  sinceNormalForms,
  sincePunctuation,
} from "./unicode_tables.ts";

/** Names of the four normal forms. */
export type NormalForm = "NFC" | "NFD" | "NFKC" | "NFKD";

const newer = /\p{L}/u.test("\u{16ea0}");

/** Leaves what came with Unicode 17 out of a property, where the engine knows it. */
function until16(property: string): string {
  if (!newer) return property;
  return /\\p\{(?:C|Cn)\}/.test(property) ? property + since17 : `[[${property}]--[${since17}]]`;
}

/** Parts of classes: what stands between the brackets of a regular expression with the flag v. */
export const classes = {
  /** White space of Unicode. */
  space: String.raw`\p{White_Space}`,
  /** Characters of words in the crate regex. */
  word: until16(String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`),
  /** Characters of words in Oniguruma, within brackets. */
  wordOfClass: until16(String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}`),
  /** Numeric characters: digits, letters and others. */
  numeric: String.raw`\p{N}\u{11de0}-\u{11de9}\u{16ff4}-\u{16ff6}`,
  /** Punctuation of BERT: that of Unicode and all other symbols of ASCII. */
  punctuation: String.raw`[\p{P}!-\/:-@\[-\x60\{-~\u166d\u{111c9}]--[${sincePunctuation}${
    newer ? since17 : ""
  }]`,
  /** What the cleaning of BERT removes. */
  control: String
    .raw`[\p{Cc}\p{Cf}\p{Co}\ufffd]--[\t\n\r\u0890\u0891\u08e2\u{110cd}\u{13430}-\u{1343f}]`,
  /** Accents of BERT: nonspacing marks. */
  accent: String.raw`[\p{Mn}\u1734\u{1171e}]--[${sinceNonspacing}]`,
  /** Combining marks. */
  mark: String.raw`[\p{M}\u1cf2\u1cf3]--[${sinceMarks}]`,
  /** Ideographs around which BERT puts spaces. */
  ideograph: String.raw`\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}` +
    String.raw`\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}`,
} as const;

/**
 * Writes a property of Unicode as Oniguruma knows it.
 *
 * @param property Name of a general category, a script or a binary property as JavaScript has it
 * @returns Part of a class
 */
export function propertyClass(property: string): string {
  return until16(`\\p{${property}}`);
}

const space = new RegExp(`[${classes.space}]`, "v");

/** Whether a character is white space of Unicode; the empty text is none. */
export function isSpace(character: string): boolean {
  return space.test(character);
}

/** Texts of printable ASCII, which few steps change. */
export const printableAscii = /^[ -~]*$/;

const capitals17 = /[\ua7ce\ua7d2\ua7d4\u{16ea0}-\u{16eb8}]/gu;

function smallOf(capital: string): string {
  const point = capital.codePointAt(0) ?? 0;
  return String.fromCodePoint(point + (point > 0xffff ? 27 : 1));
}

/**
 * Turns text into lower case, letter by letter: a sigma at the end of a word is not a final one.
 *
 * @returns The text in lower case
 */
export function lowerCase(text: string): string {
  const small = text.replaceAll("\u03a3", "\u03c3").toLowerCase();
  return newer ? small : small.replace(capitals17, smallOf);
}

const marks17 =
  /^[\u1acf-\u1add\u1ae0-\u1aeb\u{10efa}\u{10efb}\u{1e6e3}\u{1e6e6}\u{1e6ee}\u{1e6ef}\u{1e6f5}]/u;
const control = /[\p{Cc}\p{Zl}\p{Zp}\ufeff\u00ad]$/u;
let segmenter: Intl.Segmenter | undefined;

/**
 * Divides text into clusters, such as a letter and its accents, as Unicode 17 has them.
 *
 * @returns The clusters in order
 */
export function clustersOf(text: string): string[] {
  const clusters: string[] = [];
  segmenter ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  for (const { segment } of segmenter.segment(text)) {
    const last = clusters.at(-1);
    const joins = !newer && marks17.test(segment) && last !== undefined && !control.test(last);
    if (joins) clusters[clusters.length - 1] = last + segment;
    else clusters.push(segment);
  }
  return clusters;
}

const unknownToForms = new RegExp(`[${sinceNormalForms}]+`, "gv");
const ascii = /^[\0-\x7f]*$/;

/**
 * Brings text into a normal form of Unicode 9.
 *
 * @returns The text; characters that came later stay as they are
 */
export function normalForm(text: string, form: NormalForm): string {
  if (ascii.test(text)) return text;
  let normal = "";
  let done = 0;
  for (const match of text.matchAll(unknownToForms)) {
    normal += text.slice(done, match.index).normalize(form) + match[0];
    done = match.index + match[0].length;
  }
  return normal + text.slice(done).normalize(form);
}
