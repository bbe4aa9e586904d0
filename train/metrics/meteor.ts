/**
 * METEOR 1.5 for English as E2E and WebNLG call it (`-l en -norm`), without its paraphrase table.
 *
 * @module
 */

import { alignWords, countChunks, type Relation } from "./meteor_align.ts";
import type { MeteorResources } from "./meteor_resources.ts";
import {
  addStatistics,
  emptyStatistics,
  type MeteorCounts,
  type MeteorMetrics,
  meteorMetrics,
  type MeteorModule,
  type Side,
} from "./meteor_statistics.ts";
import { meteorWords } from "./meteor_words.ts";
import { stem } from "./porter2.ts";
import { requireLists } from "./segments.ts";

/** Settings of {@linkcode meteor}. */
export interface MeteorOptions {
  /** What METEOR knows of English beside stems. */
  readonly resources: MeteorResources;
}

/** METEOR of a corpus, and the values it is made of. */
export interface MeteorResult extends MeteorMetrics {
  /** METEOR of each segment from 0 to 1. */
  readonly segments: readonly number[];
  /** Modules that ran, in their order. */
  readonly modules: readonly MeteorModule[];
  /** Name of the metric with its modules, such as `METEOR_exact_stem_synonym`. */
  readonly label: string;
}

interface Word {
  readonly stem: string;
  readonly synonyms: ReadonlySet<number>;
  readonly isFunction: boolean;
  /** Place in the order in which words were first seen. */
  readonly index: number;
}

/**
 * METEOR of a corpus, of statistics summed over segments; each segment takes the reference it fits
 * best. Empty references are left out.
 *
 * The official program also runs a paraphrase module, which needs a large table of its own: on
 * outputs for E2E and WebNLG that adds 0.001 to 0.006. With equal modules all values equal its own.
 * NLTK's metric of the same name is an older METEOR with other parameters. E2E's evaluation splits
 * texts with Stanford's tokeniser before METEOR does, WebNLG's with NLTK's.
 *
 * Source: Denkowski and Lavie, https://aclanthology.org/W14-3348
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const functionWords = new Set(["the"]);
 * const resources = { functionWords, prefixes: new Map(), synonyms: undefined };
 * const { score, label } = meteor(["The dogs bite."], [["The dogs bite."]], { resources });
 * assertEquals([score, label], [1, "METEOR_exact_stem"]);
 * ```
 */
export function meteor(
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { resources }: MeteorOptions,
): MeteorResult {
  const lists = requireLists("METEOR", hypotheses, references);
  const modules = meteorModules(resources);
  const words = reader(resources);
  const relation = relationBy(modules);
  const total = emptyStatistics(modules.length);
  const segments = hypotheses.map((text, segment) => {
    const hypothesis = words(text);
    const [best] = lists[segment]!.map((reference) => {
      const statistics = compare(hypothesis, words(reference), relation, modules.length);
      return { statistics, score: meteorMetrics(statistics, modules).score };
    }).sort((a, b) => b.score - a.score);
    addStatistics(total, best!.statistics);
    return best!.score;
  });
  const label = ["METEOR", ...modules].join("_");
  return { ...meteorMetrics(total, modules), segments, modules, label };
}

/** Reads texts as words; equal words of all texts are one object. */
function reader(resources: MeteorResources): (text: string) => Word[] {
  const lexicon = new Map<string, Word>();
  return (text) =>
    meteorWords(text, resources.prefixes).map((word) => {
      const found = lexicon.get(word) ?? {
        stem: stem(word),
        synonyms: resources.synonyms?.(word) ?? new Set<number>(),
        isFunction: resources.functionWords.has(word),
        index: lexicon.size,
      };
      lexicon.set(word, found);
      return found;
    });
}

/** Modules that run, in their order: synonyms only where they are known. */
export function meteorModules({ synonyms }: MeteorResources): readonly MeteorModule[] {
  return synonyms === undefined ? ["exact", "stem"] : ["exact", "stem", "synonym"];
}

/** Which modules match two words; remembered, as corpora repeat their words. */
function relationBy(modules: readonly MeteorModule[]): Relation<Word> {
  const tests: Readonly<Record<MeteorModule, (a: Word, b: Word) => boolean>> = {
    exact: (a, b) => a === b,
    stem: (a, b) => a !== b && a.stem === b.stem,
    synonym: (a, b) => a !== b && !a.synonyms.isDisjointFrom(b.synonyms),
  };
  const known = new Map<number, number>();
  return (a, b) => {
    const key = a.index * 2 ** 26 + b.index;
    const bits = known.get(key) ??
      modules.reduce((sum, name, module) => sum | Number(tests[name](a, b)) << module, 0);
    known.set(key, bits);
    return bits;
  };
}

function compare(
  hypothesis: readonly Word[],
  reference: readonly Word[],
  relation: Relation<Word>,
  modules: number,
): MeteorCounts {
  const pairs = alignWords(hypothesis, reference, relation, modules);
  const statistics = { ...emptyStatistics(modules), chunks: countChunks(pairs) };
  const tally = (side: Side, words: readonly Word[], partnered: "word" | "partner") => {
    side.length = words.length;
    side.functionWords = words.filter((word) => word.isFunction).length;
    for (const pair of pairs) {
      const isFunction = words[pair[partnered]]!.isFunction;
      side[isFunction ? "functionMatches" : "contentMatches"][pair.module]!++;
    }
  };
  tally(statistics.hypothesis, hypothesis, "partner");
  tally(statistics.reference, reference, "word");
  return statistics;
}
