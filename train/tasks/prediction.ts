/**
 * What a model says of single examples of an evaluation, as `dev_predictions.jsonl` has it.
 *
 * @module
 */

import type { Example } from "../data/example.ts";
import type { TextGroup } from "../data/text_example.ts";
import type { ClassDistribution, ScoreDistribution } from "../metrics/predictive.ts";

/** The class of an example. */
export interface ClassPrediction {
  /** Zero-based row of the example in its file. */
  readonly index: number;
  /** Its text, or both of a pair, cut where they are very long. */
  readonly texts: readonly string[];
  /** Word of the right class. */
  readonly label: string;
  /** Word of the class that the model has for the most probable. */
  readonly predicted: string;
  /** Probabilities of all classes, in the order of their numbers. */
  readonly probabilities: readonly number[];
  /** Cross-entropy in nats. */
  readonly loss: number;
}

/** The score of an example. */
export interface ScorePrediction {
  /** Zero-based row of the example in its file. */
  readonly index: number;
  /** Its text, or both of a pair, cut where they are very long. */
  readonly texts: readonly string[];
  /** The right score. */
  readonly label: number;
  /** The model's score. */
  readonly predicted: number;
  /** Squared error. */
  readonly loss: number;
}

/** The text that is written for an input. */
export interface TextPrediction {
  /** Zero-based number of the input among the distinct ones. */
  readonly index: number;
  /** The input as the model reads it, cut where it is very long. */
  readonly input: string;
  /** All texts that the data have for it, cut where they are very long. */
  readonly references: readonly string[];
  /** What the model writes; absent where it was not asked to. */
  readonly generated?: string;
  /** Mean cross-entropy of the references' tokens, in nats. */
  readonly loss: number;
}

/** What a model says of one example. */
export type Prediction = ClassPrediction | ScorePrediction | TextPrediction;

/** Takes the predictions of an evaluation one by one, in the order of the examples. */
export type Collect = (prediction: Prediction) => void;

/** Most characters of a text that are kept. */
const mostKept = 2000;

/** A text as a prediction has it: its end is left out where it is very long. */
export function keptText(text: string): string {
  if (text.length <= mostKept) return text;
  // A cut within a surrogate pair would leave half a character.
  return `${text.slice(0, mostKept - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** What is kept of a class that was predicted. */
export function classPrediction(
  example: Example,
  { predicted, logMean, meanLog }: ClassDistribution,
  classes: readonly string[],
): ClassPrediction {
  const label = example.label!;
  return {
    index: example.index,
    texts: textsOf(example),
    label: classes[label]!,
    predicted: classes[predicted]!,
    probabilities: logMean.map(Math.exp),
    loss: -meanLog[label]!,
  };
}

/** What is kept of a score that was predicted. */
export function scorePrediction(
  example: Example,
  { mean, deviation }: ScoreDistribution,
): ScorePrediction {
  const label = example.label!;
  return {
    index: example.index,
    texts: textsOf(example),
    label,
    predicted: mean,
    loss: (mean - label) ** 2 + deviation ** 2,
  };
}

/** What is kept of a text that was written. */
export function textPrediction(
  { context, references }: TextGroup,
  index: number,
  { generated, loss }: { readonly generated: string | undefined; readonly loss: number },
): TextPrediction {
  return {
    index,
    input: keptText(context),
    references: references.map(keptText),
    ...(generated !== undefined && { generated: keptText(generated) }),
    loss,
  };
}

function textsOf({ textA, textB }: Example): string[] {
  return [textA, ...(textB === undefined ? [] : [textB])].map(keptText);
}
