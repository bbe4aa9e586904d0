/**
 * Every metric that is reported, by name: of labels, of predicted distributions, of texts that a
 * trained model generates, and of texts scored as the official evaluations do. One more metric is its
 * file and one row here.
 *
 * @module
 */

import { bleuConventions, corpusBleu } from "./bleu.ts";
import {
  brier,
  expectedCalibrationError,
  type LogProbabilities,
  negativeLogLikelihood,
} from "./calibration.ts";
import { chrf } from "./chrf.ts";
import { cider } from "./cider.ts";
import { accuracy, f1, macroF1, matthews, mse, pearson, spearman } from "./classification.ts";
import { meteor, meteorModules } from "./meteor.ts";
import type { MeteorResources } from "./meteor_resources.ts";
import type { MeteorModule } from "./meteor_statistics.ts";
import { nist } from "./nist.ts";
import { rougeL } from "./rouge.ts";
import { ter } from "./ter.ts";
import { meanTer } from "./ter_mean.ts";

/** A metric of classification or regression. */
export interface LabelMetric {
  /** Compares one prediction an example with its label. */
  compute(predictions: readonly number[], labels: readonly number[]): number;
  /** Whether predictions and labels are numbers of classes or scores. */
  readonly of: "classes" | "scores";
  /** Name in the Hub's list of metrics, where that has it. */
  readonly hubName?: string;
}

const labels = {
  accuracy: { compute: accuracy, of: "classes", hubName: "accuracy" },
  f1: { compute: f1, of: "classes", hubName: "f1" },
  macro_f1: { compute: macroF1, of: "classes" },
  matthews: { compute: matthews, of: "classes", hubName: "matthews_correlation" },
  pearson: { compute: pearson, of: "scores", hubName: "pearsonr" },
  spearman: { compute: spearman, of: "scores", hubName: "spearmanr" },
  mse: { compute: mse, of: "scores", hubName: "mse" },
} as const satisfies Readonly<Record<string, LabelMetric>>;

/** Name of a metric of classification or regression. */
export type MetricName = keyof typeof labels;

/** The metrics of classification and regression. */
export const labelMetrics: Readonly<Record<MetricName, LabelMetric>> = labels;

/** The metrics of predicted distributions, which every classification has. */
export const distributionMetrics: Readonly<
  Record<"nll" | "brier" | "ece", (rows: LogProbabilities, labels: readonly number[]) => number>
> = {
  nll: negativeLogLikelihood,
  // Without a name in the Hub's list, whose `brier_score` is that of the positive class alone.
  brier,
  ece: expectedCalibrationError,
};

/** Outputs of a system, and for each its references. */
export type Texts = readonly [
  hypotheses: readonly string[],
  references: readonly (readonly string[])[],
];

/** A metric of the texts that a model generates after training. */
export interface TextMetric {
  /** Compares each output with its references. */
  compute(...texts: Texts): number;
  /** Name in the Hub's list of metrics, where that has it. */
  readonly hubName?: string;
}

/** The metrics of generated text at the end of training and in `eval`. */
export const textMetrics: Readonly<Record<string, TextMetric>> = {
  bleu: {
    compute: (...texts) => corpusBleu(...texts, { lowercase: true }).score,
    hubName: "bleu",
  },
};

/** Names in the Hub's list by the names of this project; metrics that it lacks are absent. */
export const hubMetricNames: ReadonlyMap<string, string> = new Map([
  ...Object.entries({ ...labelMetrics, ...textMetrics }).flatMap(([name, { hubName }]) =>
    hubName === undefined ? [] : [[name, hubName] as const]
  ),
  ["perplexity", "perplexity"],
]);

/** Texts as an official evaluation hands them to its metrics. */
export interface ScoredTexts {
  /** Data set whose evaluation is followed. */
  readonly task: "e2e" | "webnlg";
  /** Whether the challenge's programs are followed, else the paper's. */
  readonly isChallenge: boolean;
  /** Outputs and references, normalised as the evaluation does. */
  readonly texts: Texts;
  /** The same as METEOR compares them. */
  readonly meteorTexts: Texts;
  /** What METEOR knows of English beside stems. */
  readonly resources: MeteorResources;
}

/** Scores by the names that the official programs print, in the order in which they do. */
export interface MetricScores {
  /** BLEU-4 of the corpus, from 0 to 1. */
  readonly BLEU: number;
  /** NIST, from 0 without an upper end. */
  readonly NIST: number;
  /** METEOR of the corpus, from 0 to 1. */
  readonly METEOR: number;
  /** Modules of METEOR that ran; the official program runs `paraphrase` too. */
  readonly METEOR_modules: readonly MeteorModule[];
  /** Mean ROUGE-L of the segments, from 0 to 1. */
  readonly ROUGE_L: number;
  /** Mean CIDEr of the segments, from 0 to 10. */
  readonly CIDEr: number;
  /** WebNLG: translation edit rate, of which 0 is best. */
  readonly TER?: number;
  /** WebNLG: chrF++, from 0 to 1. */
  readonly chrF?: number;
}

/** How each score is computed; undefined where an evaluation does not have it. */
export const scoreMetrics: {
  readonly [Name in keyof MetricScores]-?: (texts: ScoredTexts) => MetricScores[Name];
} = {
  BLEU: officialBleu,
  NIST: ({ texts, isChallenge }) =>
    nist(...texts, { convention: isChallenge ? "mteval" : "pymteval" }),
  METEOR: ({ meteorTexts, resources }) => meteor(...meteorTexts, { resources }).score,
  METEOR_modules: ({ resources }) => meteorModules(resources),
  ROUGE_L: ({ texts }) => rougeL(...texts),
  CIDEr: ({ texts }) => cider(...texts),
  TER: ({ task, isChallenge, texts }) => {
    if (task === "e2e") return undefined;
    if (isChallenge) return ter(...texts).score;
    return withEmpty(meanTer(...texts).score, texts[0].length);
  },
  chrF: ({ task, texts }) =>
    task === "e2e" ? undefined : chrf(...texts, { wordOrder: 2, smoothing: "epsilon" }).score / 100,
};

function officialBleu({ task, isChallenge, texts: [hypotheses, references] }: ScoredTexts): number {
  const { mteval, pymteval, multiBleu, multiBleuDetok } = bleuConventions;
  if (task === "e2e") {
    return corpusBleu(hypotheses, references, isChallenge ? mteval : pymteval).score / 100;
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
