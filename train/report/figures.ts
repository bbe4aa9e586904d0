/**
 * How a report names and writes figures.
 *
 * @module
 */

import { isBetter } from "../metrics/direction.ts";

/** What known figures are called. */
const titles: Readonly<Record<string, string>> = {
  accuracy: "Accuracy",
  f1: "F1",
  macro_f1: "Macro F1",
  matthews: "Matthews correlation",
  pearson: "Pearson correlation",
  spearman: "Spearman correlation",
  mse: "Mean squared error",
  loss: "Dev loss",
  nll: "Negative log-likelihood",
  brier: "Brier score",
  ece: "Calibration error",
  perplexity: "Perplexity",
  bleu: "BLEU",
};

/** What a figure is called. */
export function titleOf(name: string): string {
  return Object.hasOwn(titles, name) ? titles[name]! : name.replaceAll("_", " ");
}

/** The place of the best of some values of a figure, the first of several; NaN is none, -1 of none. */
export function bestOf(name: string, values: readonly number[]): number {
  return values.reduce((best, value, i) => {
    if (Number.isNaN(value)) return best;
    return best < 0 || isBetter(name, value, values[best]!) ? i : best;
  }, -1);
}

/** A number with four significant digits, without an exponent where that is short. */
export function figureText(value: number): string {
  if (!Number.isFinite(value)) return `${value}`;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return size < 10 ? value.toFixed(4) : `${Number(value.toPrecision(5))}`;
}

/** An integer with a comma after every three digits from the right. */
export function countText(count: number): string {
  return count.toLocaleString("en-GB");
}

/** A duration as people say it: `48 s`, `12 min 5 s`, `3 h 20 min`. */
export function durationText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${seconds < 10 ? seconds.toFixed(1) : whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
