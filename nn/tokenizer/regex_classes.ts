/**
 * Classes of characters in the regular expressions of Oniguruma, as JavaScript writes them.
 *
 * @module
 */

import { PatternError } from "./regex_tree.ts";
import { classes, propertyClass } from "./unicode.ts";

/** Oniguruma counts these as characters of words where \w stands outside brackets. */
export const wordOutside = String.raw`${classes.wordOfClass}\u00b2\u00b3\u00b9\u00bc-\u00be`;

/** Classes that one letter behind a backslash names; capitals name their complements. */
export const shorthands: Readonly<Record<string, string>> = {
  d: propertyClass("Nd"),
  s: classes.space,
  h: "0-9a-fA-F",
};

const posix: Readonly<Record<string, string>> = {
  alpha: propertyClass("Alphabetic"),
  alnum: propertyClass("Alphabetic") + propertyClass("Nd"),
  ascii: String.raw`\0-\x7f`,
  cntrl: propertyClass("Cc"),
  digit: propertyClass("Nd"),
  lower: propertyClass("Lowercase"),
  punct: propertyClass("P") + propertyClass("S"),
  space: classes.space,
  upper: propertyClass("Uppercase"),
  word: classes.wordOfClass,
  xdigit: "0-9a-fA-F",
};

/**
 * Looks up a class such as `[:alpha:]`.
 *
 * @returns Part of a class
 * @throws {PatternError} If the name is not known
 */
export function posixClass(name: string): string {
  const found = Object.hasOwn(posix, name) ? posix[name] : undefined;
  if (found === undefined) throw new PatternError(`the class [:${name}:]`);
  return found;
}

const categories = "C Cc Cf Cn Co L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps " +
  "S Sc Sk Sm So Z Zl Zp Zs Letter Mark Number Punctuation Symbol Separator Uppercase_Letter " +
  "Lowercase_Letter Decimal_Number Alphabetic Uppercase Lowercase White_Space";
const properties = new Set(categories.split(" "));

function isScript(name: string): boolean {
  if (!/^[A-Z][A-Za-z_]+$/.test(name)) return false;
  try {
    new RegExp(`\\p{Script=${name}}`, "u");
    return true;
  } catch {
    return false;
  }
}

/**
 * Looks up a property such as `\p{L}`.
 *
 * @param name What stands between the braces, without ^
 * @returns Part of a class
 * @throws {PatternError} If the name is not known
 */
export function namedProperty(name: string): string {
  if (properties.has(name)) return propertyClass(name);
  const lower = name.toLowerCase();
  if (lower !== "punct" && Object.hasOwn(posix, lower)) return posixClass(lower);
  if (isScript(name)) return propertyClass(`Script=${name}`);
  throw new PatternError(`the property \\p{${name}}`);
}

/** Writes a code point so that it is a literal within a class. */
export function literal(point: number): string {
  const character = String.fromCodePoint(point);
  return /[A-Za-z0-9]/.test(character) ? character : `\\u{${point.toString(16)}}`;
}

/** The other cases of a letter of ASCII: s and k have relatives beyond ASCII. */
function cases(point: number): string {
  const [small, capital] = [point | 32, point & ~32].map((code) => String.fromCharCode(code));
  return `${small}${capital}${small === "s" ? "\\u017f" : small === "k" ? "\\u212a" : ""}`;
}

/**
 * Writes a range of code points whatever their case.
 *
 * @returns Part of a class
 * @throws {PatternError} If there are letters beyond ASCII in it
 */
export function rangeOfAnyCase(first: number, last: number): string {
  if (last > 0x7f && !(first === last && /[\p{P}\p{S}\p{Z}]/u.test(String.fromCodePoint(first)))) {
    throw new PatternError("(?i) over letters beyond ASCII");
  }
  let part = first === last ? literal(first) : `${literal(first)}-${literal(last)}`;
  for (let point = first; point <= last && point < 0x80; point++) {
    if (/[A-Za-z]/.test(String.fromCharCode(point))) part += cases(point);
  }
  return part;
}
