/**
 * The English stemmer of Snowball as METEOR 1.5 and other tools of its time hold it. Later releases
 * of Snowball changed some rules; those changes are not here.
 *
 * @module
 */

/** Words whose stem the rules would miss; those of the second line stay as they are. */
const irregular: ReadonlyMap<string, string> = new Map([
  ..."skis:ski skies:sky dying:die lying:lie tying:tie idly:idl gently:gentl ugly:ugli early:earli only:onli singly:singl"
    .split(" ").map((pair) => pair.split(":") as [string, string]),
  ..."sky news howe atlas cosmos bias andes".split(" ").map((word) => [word, word] as const),
]);

/** Words that keep the form they have once a plural s is removed. */
const settled: ReadonlySet<string> = new Set(
  "inning outing canning herring earring proceed exceed succeed".split(" "),
);

/** Endings of the second and third step, and what each becomes. */
const derivations = [
  endings(
    "tional:tion enci:ence anci:ance abli:able entli:ent izer:ize ization:ize ational:ate " +
      "ation:ate ator:ate alism:al aliti:al alli:al fulness:ful ousli:ous ousness:ous " +
      "iveness:ive iviti:ive biliti:ble bli:ble ogi:og fulli:ful lessli:less li:",
  ),
  endings(
    "tional:tion ational:ate alize:al icate:ic iciti:ic ical:ic ful: ness: ative:",
  ),
] as const;

const residue = /(?:al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|ism|ate|iti|ous|ive|ize|ion)$/;
const shortSyllable = /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$/;

/**
 * The stem of a word in lower case.
 *
 * Source: Porter, "English (Porter2) stemming algorithm", https://snowballstem.org, release of 2010
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["restaurants", "generously", "dying"].map(stem), ["restaur", "generous", "die"]);
 * ```
 */
export function stem(word: string): string {
  if (word.length <= 2) return word;
  const known = irregular.get(word);
  if (known !== undefined) return known;
  // A y that sounds as a consonant is written Y until the end.
  const marked = word.replace(/^'/, "").replace(/^y/, "Y").replace(/([aeiouy])y/g, "$1Y");
  const first = regionAfter(marked, /^(?:gener|commun|arsen)/.exec(marked)?.[0].length);
  const second = regionAfter(marked, undefined, first);
  let text = withoutPlural(marked);
  if (!settled.has(text)) {
    text = withoutTense(text, first);
    text = text.replace(/(.[^aeiouy])[yY]$/s, "$1i");
    text = withoutDerivation(text, first, second);
    text = withoutResidue(text, first, second);
  }
  return text.replaceAll("Y", "y");
}

/** Where the part after the first consonant that follows a vowel begins. */
function regionAfter(text: string, known: number | undefined, from = 0): number {
  if (known !== undefined) return known;
  const index = text.slice(from).search(/[aeiouy][^aeiouy]/);
  return index < 0 ? text.length : from + index + 2;
}

function withoutPlural(text: string): string {
  const word = text.replace(/'(?:s'?)?$/, "");
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (/ie[ds]$/.test(word)) return word.slice(0, word.length > 4 ? -2 : -1);
  return /[aeiouy].+s$/s.test(word) && !/[us]s$/.test(word) ? word.slice(0, -1) : word;
}

function withoutTense(text: string, first: number): string {
  const found = /(?:eedly|eed|edly|ed|ingly|ing)$/.exec(text);
  if (found === null) return text;
  const rest = text.slice(0, found.index);
  if (found[0].startsWith("ee")) return found.index >= first ? `${rest}ee` : text;
  if (!/[aeiouy]/.test(rest)) return text;
  if (/(?:at|bl|iz)$/.test(rest)) return `${rest}e`;
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(rest)) return rest.slice(0, -1);
  return rest.length === first && shortSyllable.test(rest) ? `${rest}e` : rest;
}

function withoutDerivation(text: string, first: number, second: number): string {
  return derivations.reduce((word, { pattern, replacements }) => {
    const found = pattern.exec(word);
    if (found === null || found.index < first) return word;
    const [ending] = found;
    const rest = word.slice(0, found.index);
    if (ending === "ogi" && !rest.endsWith("l")) return word;
    if (ending === "li" && !/[cdeghkmnrt]$/.test(rest)) return word;
    if (ending === "ative" && found.index < second) return word;
    return rest + replacements.get(ending);
  }, text);
}

function withoutResidue(text: string, first: number, second: number): string {
  const found = residue.exec(text);
  let word = text;
  if (found !== null && found.index >= second) {
    const rest = text.slice(0, found.index);
    if (found[0] !== "ion" || /[st]$/.test(rest)) word = rest;
  }
  const rest = word.slice(0, -1);
  if (word.endsWith("e")) {
    const goes = rest.length >= second || (rest.length >= first && !shortSyllable.test(rest));
    return goes ? rest : word;
  }
  return word.endsWith("ll") && rest.length >= second ? rest : word;
}

/** The leftmost match of the pattern is the longest ending. */
function endings(list: string): { pattern: RegExp; replacements: ReadonlyMap<string, string> } {
  const replacements = new Map(list.split(" ").map((pair) => pair.split(":") as [string, string]));
  return { pattern: new RegExp(`(?:${[...replacements.keys()].join("|")})$`), replacements };
}
