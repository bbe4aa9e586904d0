/**
 * What METEOR must know of English beside its stemmer: function words, abbreviations and WordNet's
 * synonyms, read from the texts of METEOR's own resource files. Files are opened elsewhere.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { PrefixKind } from "./meteor_words.ts";

/** Looks up the synonym sets of a word in any of its forms. */
export type SynonymLookup = (word: string) => ReadonlySet<number>;

/** METEOR's knowledge of a language. */
export interface MeteorResources {
  /** Frequent words, which weigh less. */
  readonly functionWords: ReadonlySet<string>;
  /** Abbreviations, without their full stop. */
  readonly prefixes: ReadonlyMap<string, PrefixKind>;
  /** WordNet's synonym sets; without them the synonym module does not run. */
  readonly synonyms: SynonymLookup | undefined;
}

/** Reads a list of function words, one a line. */
export function parseFunctionWords(text: string): Set<string> {
  return new Set(linesOf(text).filter((line) => line !== ""));
}

/** Reads a list of abbreviations in the format of Moses, `#NUMERIC_ONLY#` after some of them. */
export function parsePrefixes(text: string): Map<string, PrefixKind> {
  const entries = linesOf(text).map((line) => line.trim().split(/\s+/))
    .filter(([prefix = ""]) => prefix !== "" && !prefix.startsWith("#"));
  return new Map(
    entries.map(([prefix = "", note]) => [prefix, note === "#NUMERIC_ONLY#" ? "number" : "always"]),
  );
}

/** Suffixes in the order in which they are tried, and what replaces each: nouns, verbs, adjectives. */
const inflections: readonly (readonly [suffix: string, ending: string])[] =
  "s: ses:s xes:x zes:z ches:ch shes:sh men:man ies:y s: ies:y es:e es: ed:e ed: ing:e ing: er: est: er:e est:e"
    .split(" ").map((pair) => pair.split(":") as [string, string]);

/**
 * Reads WordNet's synonym sets, and its list of irregular forms. A form that is not on the list
 * belongs to the first known word that the removal of a suffix gives.
 *
 * Source: Fellbaum, "WordNet", https://wordnet.princeton.edu, its routine of morphology
 *
 * @param synsets A word and the numbers of its sets, on alternate lines
 * @param exceptions A word and its irregular forms, on alternate lines
 * @param names Names of both files for messages
 * @throws {FileError} If a file ends inside a pair of lines, or a set is no number
 */
export function parseSynonyms(
  synsets: string,
  exceptions: string,
  names: { readonly synsets: string; readonly exceptions: string },
): SynonymLookup {
  const sets = new Map<string, string>();
  for (const { word, values, line } of pairsOf(synsets, names.synsets)) {
    if (!/^[0-9]+(?: [0-9]+)*$/.test(values)) {
      const message = "Cannot read synonyms as the numbers of their sets are required: found";
      throw new FileError(`${message} ${JSON.stringify(values)}`, names.synsets, line + 1);
    }
    sets.set(word, values);
  }
  const bases = new Map<string, string[]>();
  for (const { word, values } of pairsOf(exceptions, names.exceptions)) {
    for (const form of values.split(" ")) bases.set(form, [...bases.get(form) ?? [], word]);
  }
  const setsOf = (word: string) => sets.get(word)?.split(" ").map(Number) ?? [];
  const known = new Map<string, ReadonlySet<number>>();
  return (word) => {
    const found = known.get(word) ??
      new Set([word, ...bases.get(word) ?? [baseOf(word, sets)]].flatMap(setsOf));
    known.set(word, found);
    return found;
  };
}

/** The word that an inflected form belongs to; the empty word where none is known. */
function baseOf(word: string, known: ReadonlyMap<string, unknown>): string {
  if (word.endsWith("ss") || word.length <= 2) return word;
  for (const [suffix, ending] of inflections) {
    if (!word.endsWith(suffix)) continue;
    const base = word.slice(0, word.length - suffix.length) + ending;
    if (known.has(base)) return base;
  }
  return "";
}

interface LinePair {
  readonly word: string;
  readonly values: string;
  /** One-based line of the word. */
  readonly line: number;
}

function pairsOf(text: string, name: string): LinePair[] {
  const lines = linesOf(text);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length % 2 === 1) {
    const message = "Cannot read word as a line must follow it: found the end of the file";
    throw new FileError(message, name, lines.length);
  }
  const pairs: LinePair[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    pairs.push({ word: lines[i]!, values: lines[i + 1]!.trim(), line: i + 1 });
  }
  return pairs;
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}
