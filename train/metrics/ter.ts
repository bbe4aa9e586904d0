/**
 * The translation edit rate of a corpus, as tercom and sacreBLEU compute it.
 *
 * @module
 */

import { requireLists, splitWords } from "./segments.ts";
import { countEdits } from "./ter_shifts.ts";

/** Settings of {@linkcode ter}. */
export interface TerOptions {
  /** Whether upper and lower case differ; false by default. */
  readonly caseSensitive?: boolean;
  /** Whether punctuation is parted from words (tercom's `-N`); false by default. */
  readonly normalize?: boolean;
}

/** The translation edit rate and the values it is made of. */
export interface TerResult {
  /** Edits for each word of the references; 0 is best, and it may be above 1. */
  readonly score: number;
  /** Edits of all segments, each against its closest reference. */
  readonly edits: number;
  /** Words of the references, the mean of each segment's. */
  readonly words: number;
}

/**
 * Translation edit rate of a corpus. Of the references of a segment the one with fewest edits
 * counts, divided by the mean length of all. Empty references are left out beside others.
 *
 * WebNLG 2017 calls tercom without options, on texts whose punctuation is already parted; this gives
 * tercom's rates. sacreBLEU orders equal shifts in another way, and so found 0.0006 more for one
 * of that challenge's systems. The script of the 2020 challenge, which the LoRA recipe uses, computes
 * another rate: see {@linkcode meanTer}.
 *
 * Source: Snover et al., https://aclanthology.org/2006.amta-papers.25
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list is empty
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { edits, words } = ter(["d e f g h a b c"], [["a b c d e f g h"]]);
 * assertEquals([edits, words], [1, 8]);
 * ```
 */
export function ter(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { caseSensitive = false, normalize = false }: TerOptions = {},
): TerResult {
  const lists = requireLists("TER", hypotheses, references);
  const numbers = new Map<string, number>();
  const wordsOf = (text: string) => {
    const cased = caseSensitive ? text : text.toLowerCase();
    const words = splitWords(normalize ? partPunctuation(cased) : cased);
    return Int32Array.from(words, (word) => {
      const number = numbers.get(word) ?? numbers.size;
      numbers.set(word, number);
      return number;
    });
  };
  let edits = 0, words = 0;
  hypotheses.forEach((text, segment) => {
    const hypothesis = wordsOf(text);
    const candidates = lists[segment]!.map(wordsOf);
    edits += Math.min(...candidates.map((reference) => countEdits(hypothesis, reference)));
    words += candidates.reduce((sum, { length }) => sum + length, 0) / candidates.length;
  });
  return { score: words > 0 ? edits / words : Number(edits > 0), edits, words };
}

/** Parts punctuation from words as mteval-v11 does. */
function partPunctuation(text: string): string {
  const plain = text.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ")
    .replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${plain} `
    .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
    .replaceAll("'s ", " 's ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])-/g, "$1 - ");
}
