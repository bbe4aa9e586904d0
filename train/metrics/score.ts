/**
 * Scores of generated texts as the evaluations of E2E and WebNLG give them.
 *
 * @module
 */

import type { MeteorResources } from "./meteor_resources.ts";
import { type MetricScores, scoreMetrics, type Texts } from "./metric_table.ts";
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

/** The scores, and what they are of. */
export interface Scores extends MetricScores {
  /** Whose programs were followed. */
  readonly convention: ScoreConvention;
  /** Number of inputs, each with one output. */
  readonly segments: number;
}

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
 * const { BLEU, ROUGE_L, CIDEr } = scoreTexts("e2e", texts, texts.map((text) => [text]));
 * assertEquals([BLEU, ROUGE_L, CIDEr].map((value) => value.toFixed(3)), ["1.000", "1.000", "10.000"]);
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
  const meteorTexts = task === "e2e"
    ? mapTexts(texts, (text) => tokenizePtb(text).join(" "))
    : texts;
  const scored = { task, isChallenge, texts, meteorTexts, resources };
  const scores: { -readonly [Name in keyof MetricScores]?: unknown } = {};
  for (const name of Object.keys(scoreMetrics) as (keyof MetricScores)[]) {
    const score = scoreMetrics[name](scored);
    if (score !== undefined) scores[name] = score;
  }
  return { convention, segments: hypotheses.length, ...scores as MetricScores };
}

function prepared(task: ScoreTask, isChallenge: boolean, texts: Texts): Texts {
  if (task === "e2e") return texts;
  const [hypotheses, references] = mapTexts(texts, isChallenge ? challengeText : recipeText);
  return [hypotheses, references.map((list) => list.slice(0, isChallenge ? 3 : 6))];
}

function mapTexts([hypotheses, references]: Texts, change: (text: string) => string): Texts {
  return [hypotheses.map(change), references.map((list) => list.map(change))];
}
