/**
 * Which tokens of an example a language model learns to predict.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";

/** Places of neighbouring tokens: the first one, and the one behind the last. */
export type TokenSpan = readonly [start: number, end: number];

/** Tokens, with those among them that a language model predicts. */
export interface PredictedTokens {
  /** Numbers of the tokens, special ones included. */
  readonly ids: readonly number[];
  /** Language models: the first token that is predicted; it and all later ones count. */
  readonly predictFrom?: number;
  /**
   * Language models: spans of the tokens that are predicted, one behind the other, instead of
   * `predictFrom`.
   */
  readonly predictSpans?: readonly TokenSpan[];
}

/** Number of tokens in spans. */
export function countTokens(spans: readonly TokenSpan[]): number {
  return spans.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** Whether the loss counts how well a token of an example is predicted. */
export function isPredicted(
  { predictFrom = Infinity, predictSpans }: PredictedTokens,
  place: number,
): boolean {
  if (predictSpans === undefined) return place >= predictFrom;
  return predictSpans.some(([start, end]) => place >= start && place < end);
}

/**
 * Spans of the tokens of an example that are predicted.
 *
 * @param b Number of the example, for messages
 * @throws {OptionError} If its first token is predicted, or its spans are none
 */
export function spansOf(
  { ids, predictFrom = ids.length, predictSpans }: PredictedTokens,
  b: number,
): readonly TokenSpan[] {
  if (!Number.isInteger(predictFrom)) {
    throw new OptionError(
      `Cannot predict from token ${shown(predictFrom)} of example ${b}: an integer is required`,
    );
  }
  const spans = predictSpans ?? [[Math.min(predictFrom, ids.length), ids.length] as const];
  if (spans.some(([start]) => start < 1)) {
    throw new OptionError(`Cannot predict the first token of example ${b}`);
  }
  if (predictSpans === undefined) return spans;
  let behind = 1;
  for (const [start, end] of spans) {
    const isSpan = [start, end].every(Number.isInteger) && end >= start && end <= ids.length;
    if (!isSpan || start < behind) {
      throw new OptionError(
        `Cannot predict tokens ${shown(start)} to ${
          shown(end)
        } of example ${b} as spans one behind ` +
          `the other, within its ${ids.length} tokens, are required`,
      );
    }
    behind = end;
  }
  return spans;
}
