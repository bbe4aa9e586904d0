/**
 * What several passes of a model say of one example together: their mean distribution, and how far
 * they disagree. A single pass is the case without disagreement.
 *
 * **Source**: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
 *
 * @module
 */

import { likeliest } from "./calibration.ts";

/** The classes of one example, by one or several passes. */
export interface ClassDistribution {
  /** Number of the class that the mean distribution has for the most probable. */
  readonly predicted: number;
  /** Logarithms of the mean probabilities, `[classes]`. */
  readonly logMean: readonly number[];
  /** Means of the logarithms, `[classes]`: a label's, negated, is the mean loss of the passes. */
  readonly meanLog: readonly number[];
  /** Entropy of the mean distribution, in nats. */
  readonly entropy: number;
  /**
   * Entropy of the mean distribution less the mean entropy of the passes, in nats: what the passes
   * disagree about.
   */
  readonly mutualInformation: number;
}

/** The mean distribution of passes over one example, from their logits, `[passes][classes]`. */
export function classDistribution(passes: readonly (readonly number[])[]): ClassDistribution {
  const logs = passes.map(logSoftmax);
  const columns = logs[0]!.map((_, c) => logs.map((row) => row[c]!));
  const logMean = columns.map(logMeanExp);
  const entropy = entropyOf(logMean);
  const expected = meanOver(logs.map(entropyOf));
  return {
    // Logits that differ by less than their logarithm can hold still say which is larger.
    predicted: likeliest(passes.length === 1 ? passes[0]! : logMean),
    logMean,
    meanLog: columns.map(meanOver),
    entropy,
    mutualInformation: Math.max(0, entropy - expected),
  };
}

/** The score of one example, by one or several passes. */
export interface ScoreDistribution {
  /** Mean of the scores. */
  readonly mean: number;
  /** Standard deviation of the scores, their squares divided by the number of passes. */
  readonly deviation: number;
}

/** Mean and deviation of the scores of passes over one example, `[passes][1]`. */
export function scoreDistribution(passes: readonly (readonly number[])[]): ScoreDistribution {
  const scores = passes.map(([score]) => score!);
  const mean = meanOver(scores);
  return { mean, deviation: Math.sqrt(meanOver(scores.map((score) => (score - mean) ** 2))) };
}

/** The logarithm of the mean of numbers that are given by their logarithms. */
export function logMeanExp(logs: readonly number[]): number {
  return logs.length === 1 ? logs[0]! : logSumExp(logs) - Math.log(logs.length);
}

function logSumExp(values: readonly number[]): number {
  const { peak, rest } = logTotal(values);
  return peak + rest;
}

/** Logarithms of a softmax: neither the order of classes nor a number added to all changes a tie. */
function logSoftmax(logits: readonly number[]): number[] {
  const { peak, rest } = logTotal(logits);
  return logits.map((x) => x - peak - rest);
}

/** The largest number, and the logarithm of the sum of exponentials over its own, from the least on. */
function logTotal(values: readonly number[]): { readonly peak: number; readonly rest: number } {
  const sorted = Float64Array.from(values).sort();
  const peak = sorted.at(-1)!;
  return { peak, rest: Math.log(sorted.reduce((sum, value) => sum + Math.exp(value - peak), 0)) };
}

function entropyOf(logs: readonly number[]): number {
  return -logs.reduce((sum, log) => sum + Math.exp(log) * log, 0);
}

function meanOver(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
