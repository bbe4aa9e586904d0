/**
 * Predictions as lines: GLUE's submission files, tables with probabilities, JSON.
 *
 * @module
 */

import type { ClassDistribution, ScoreDistribution } from "../metrics/predictive.ts";

/** How predictions are written. */
export interface LineForm {
  /** One JSON object a line, instead of columns with tabs between them. */
  readonly json: boolean;
  /** Columns beside the prediction: a probability for each class, or the score. */
  readonly probabilities: boolean;
  /** Whether something was dropped: how far the passes disagree is written then. */
  readonly isSampled: boolean;
}

/** What is predicted of one example. */
export interface Predicted<D> {
  /** Number of the example. */
  readonly index: number;
  /** Its label, where that is known: a class by its number, or a score. */
  readonly label?: number | undefined;
  /** What the model says of it. */
  readonly distribution: D;
}

/** Decimals of probabilities and scores that are asked for. */
const decimals = 6;

/**
 * Lines of predicted classes.
 *
 * @param classes Words of the classes; in columns, tabs and line breaks in them are spaces
 */
export function classLines(
  predictions: readonly Predicted<ClassDistribution>[],
  classes: readonly string[],
  { json, probabilities, isSampled }: LineForm,
): string[] {
  if (json) {
    return predictions.map(({ index, label, distribution }) => {
      const { predicted, logMean, entropy, mutualInformation } = distribution;
      const shares = classes.map((word, c) => [word, Math.exp(logMean[c]!)] as const);
      return JSON.stringify({
        index,
        prediction: classes[predicted],
        probabilities: Object.fromEntries(shares),
        ...(isSampled && { entropy, mutual_information: mutualInformation }),
        ...(label !== undefined && { label: classes[label] }),
      });
    });
  }
  const more = probabilities ? classes : [];
  return [
    row("index", "prediction", ...more),
    ...predictions.map(({ index, distribution: { predicted, logMean } }) => {
      const shares = more.map((_, c) => Math.exp(logMean[c]!).toFixed(decimals));
      return row(`${index}`, classes[predicted]!, ...shares);
    }),
  ];
}

/** Lines of predicted scores, three decimals of each as GLUE has them. */
export function scoreLines(
  predictions: readonly Predicted<ScoreDistribution>[],
  { json, probabilities, isSampled }: LineForm,
): string[] {
  if (json) {
    return predictions.map(({ index, label, distribution: { mean, deviation } }) =>
      JSON.stringify({
        index,
        prediction: mean,
        ...(isSampled && { deviation }),
        ...(label !== undefined && { label }),
      })
    );
  }
  const names = probabilities ? ["score", ...(isSampled ? ["deviation"] : [])] : [];
  return [
    row("index", "prediction", ...names),
    ...predictions.map(({ index, distribution: { mean, deviation } }) => {
      const more = [mean, deviation].slice(0, names.length);
      return row(`${index}`, mean.toFixed(3), ...more.map((value) => value.toFixed(decimals)));
    }),
  ];
}

/** Lines of written texts, each on one line. */
export function textLines(
  inputs: readonly string[],
  texts: readonly string[],
  json: boolean,
): string[] {
  if (!json) return texts.map((text) => text.replace(/\s*[\r\n]+\s*/g, " "));
  return texts.map((prediction, index) => {
    return JSON.stringify({ index, input: inputs[index], prediction });
  });
}

function row(...cells: readonly string[]): string {
  return cells.map((cell) => cell.replace(/[\t\r\n]+/g, " ")).join("\t");
}
