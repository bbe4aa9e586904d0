/**
 * Scores of generated texts as the evaluations of E2E and WebNLG give them.
 *
 * @module
 */

import { bleuConventions, corpusBleu } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { cider } from "./cider.ts";
import { meteor } from "./meteor.ts";
import type { MeteorResources } from "./meteor_resources.ts";
import type { MeteorModule } from "./meteor_statistics.ts";
import { nist } from "./nist.ts";
import { rougeL } from "./rouge.ts";
import { ter } from "./ter.ts";
import { meanTer } from "./ter_mean.ts";
import { tokenizePtb } from "./tokenize_ptb.ts";
import { challengeText, recipeText } from "./webnlg_text.ts";

/** Data sets whose evaluations are known. */
export const scoreTasks = ["e2e", "webnlg"] as const;
/** A data set whose evaluation is known. */
export type ScoreTask = typeof scoreTasks[number];

/** Whose programs to follow: those of the challenges in 2017, or those that the paper used. */
export const scoreConventions = ["challenge", "paper"] as const;
/** Whose programs to follow. */
export type ScoreConvention = typeof scoreConventions[number];

/** Settings of {@linkcode scoreTexts}. */
export interface ScoreOptions {
  /** Whose programs to follow; `challenge` by default. */
  readonly convention?: ScoreConvention;
  /** What METEOR knows of English; by default it compares words and stems, and weighs all alike. */
  readonly meteor?: MeteorResources;
}

/** Scores by the names that the official programs print. All but NIST and CIDEr are shares. */
export interface Scores {
  /** Whose programs were followed. */
  readonly convention: ScoreConvention;
  /** Number of texts. */
  readonly segments: number;
  /** BLEU-4, from 0 to 1. */
  readonly BLEU: number;
  /** NIST. */
  readonly NIST: number;
  /** METEOR, from 0 to 1. */
  readonly METEOR: number;
  /** Modules of METEOR that ran; the official program runs `paraphrase` too. */
  readonly METEOR_modules: readonly MeteorModule[];
  /** ROUGE-L, from 0 to 1. */
  readonly ROUGE_L: number;
  /** CIDEr, from 0 to 10. */
  readonly CIDEr: number;
  /** WebNLG: translation edit rate, of which 0 is best. */
  readonly TER?: number;
  /** WebNLG: chrF++, from 0 to 1. */
  readonly chrF?: number;
}

type Texts = readonly [hypotheses: readonly string[], references: readonly (readonly string[])[]];

const unlearned: MeteorResources = {
  functionWords: new Set(),
  prefixes: new Map(),
  synonyms: undefined,
};

/**
 * Scores one text for each input.
 *
 * | | challenge | paper |
 * | --- | --- | --- |
 * | E2E: BLEU, NIST | mteval-v13a.pl | pymteval (`-p`) |
 * | WebNLG: texts | in ASCII and lower case, 3 references | in lower case, 6 references |
 * | WebNLG: BLEU | multi-bleu.perl | multi-bleu-detok.perl |
 * | WebNLG: TER | tercom, of the corpus | pyter, mean of segments and an empty one |
 *
 * ROUGE-L and CIDEr are coco-caption's, which E2E uses; chrF++ is that of WebNLG 2020. METEOR lacks
 * the paraphrases of the official program. By the paper, references of WebNLG must have the letters
 * of its XML, which the challenge's own files lack; NLTK's tokenizer is not run on parted texts.
 *
 * @throws {ShapeError} If there is not one list of references per hypothesis, or a list holds no text
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const texts = ["Aromi is a cheap pub.", "Clowns serves French food."];
 * const { BLEU, ROUGE_L, CIDEr } = score("e2e", texts, texts.map((text) => [text]));
 * assertEquals([BLEU, ROUGE_L, CIDEr].map((figure) => figure.toFixed(3)), ["1.000", "1.000", "10.000"]);
 * ```
 */
export function scoreTexts(
  task: ScoreTask,
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
  { convention = "challenge", meteor: resources = unlearned }: ScoreOptions = {},
): Scores {
  const isChallenge = convention === "challenge";
  const texts = prepared(task, isChallenge, [hypotheses, references]);
  const compared = task === "e2e" ? mapTexts(texts, (text) => tokenizePtb(text).join(" ")) : texts;
  const { score: METEOR, modules } = meteor(...compared, { resources });
  return {
    convention,
    segments: hypotheses.length,
    BLEU: bleu(task, isChallenge, texts),
    NIST: nist(...texts, { convention: isChallenge ? "mteval" : "pymteval" }),
    METEOR,
    METEOR_modules: modules,
    ROUGE_L: rougeL(...texts),
    CIDEr: cider(...texts),
    ...(task === "e2e" ? {} : {
      TER: isChallenge ? ter(...texts).score : withEmpty(meanTer(...texts).score, texts[0].length),
      chrF: chrf(...texts, { wordOrder: 2, smoothing: "epsilon" }).score / 100,
    }),
  };
}

function prepared(task: ScoreTask, isChallenge: boolean, texts: Texts): Texts {
  if (task === "e2e") return texts;
  const [hypotheses, references] = mapTexts(texts, isChallenge ? challengeText : recipeText);
  return [hypotheses, references.map((list) => list.slice(0, isChallenge ? 3 : 6))];
}

function mapTexts([hypotheses, references]: Texts, change: (text: string) => string): Texts {
  return [hypotheses.map(change), references.map((list) => list.map(change))];
}

function bleu(task: ScoreTask, isChallenge: boolean, [hypotheses, references]: Texts): number {
  const { mteval, multiBleu, multiBleuDetok } = bleuConventions;
  if (task === "e2e") {
    const options = isChallenge ? mteval : { ...mteval, smoothing: "none" } as const;
    return corpusBleu(hypotheses, references, options).score / 100;
  }
  if (!isChallenge) return corpusBleu(hypotheses, references, multiBleuDetok).score / 100;
  // The challenge's reference files are of equal length: an input without a further text has an
  // empty line, which multi-bleu takes for a text.
  const most = Math.max(...references.map((list) => list.length));
  const padded = references.map((list) => [...list, ...new Array(most - list.length).fill("")]);
  return corpusBleu(hypotheses, padded, multiBleu).score / 100;
}

/** The mean after one more segment with a rate of 1, the end of the file to the paper's program. */
function withEmpty(mean: number, segments: number): number {
  return (mean * segments + 1) / (segments + 1);
}
