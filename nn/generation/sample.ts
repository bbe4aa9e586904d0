/**
 * Drawing tokens instead of searching for them: temperature, top-k and top-p, and one token drawn
 * from what is left.
 *
 * A token wins whose log-probability plus Gumbel noise is largest, and the noise is a function of
 * key, prompt, position and token alone. So the same seed draws the same texts in batches of any
 * size, and on every backend unless two sums agree to the rounding of its logits.
 *
 * **Source**: Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (top-p);
 * Maddison et al., "A* sampling", NeurIPS 2014 (the Gumbel-max trick).
 *
 * @module
 */

import { lowestFloat } from "../../core/dtype.ts";
import { NumericError, OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { checkKey, foldKey, type Key, threefry, uniform } from "../../core/random.ts";
import type { Candidate } from "./candidates.ts";

/** How tokens are drawn. */
export interface TokenSampling {
  /** Root of the random numbers. */
  readonly key: Key;
  /** Divides logits: below 1 likely tokens gain, towards 0 it is greedy search; default 1. */
  readonly temperature?: number;
  /** Fewest tokens whose probabilities sum to at least this are kept; default 1, all of them. */
  readonly topP?: number;
  /** So many of the most likely tokens are kept; default 0, all of them. */
  readonly topK?: number;
}

/**
 * Checks how tokens are drawn.
 *
 * @throws {OptionError} If the key or a number does not fit
 */
export function checkTokenSampling(
  { key, temperature = 1, topP = 1, topK = 0 }: TokenSampling,
): void {
  checkKey(key);
  const demand = (name: string, value: unknown, fits: boolean, required: string) => {
    if (fits) return;
    throw new OptionError(
      `Cannot sample with ${name} as ${required} is required: found ${shown(value)}`,
    );
  };
  const warm = temperature > 0 && temperature < Infinity;
  demand("temperature", temperature, warm, "a number above 0");
  demand("topP", topP, topP > 0 && topP <= 1, "a number above 0 and at most 1");
  demand("topK", topK, Number.isSafeInteger(topK) && topK >= 0, "an integer of at least 0");
}

/** A token that may be drawn. */
export interface KeptToken {
  /** Number of the token. */
  readonly id: number;
  /** Its log-probability divided by the temperature, less that of the most likely token. */
  readonly weight: number;
}

/** Log-probabilities of banned tokens are below, whatever the temperature makes of them. */
const banned = lowestFloat / 2;

/**
 * Tokens that may be drawn, the most likely first; of equal ones the lower number comes first. As
 * in transformers the temperature comes before top-k, and top-k before top-p.
 *
 * @param logProbabilities Of all tokens, in nats; a number added to all changes nothing
 */
export function keptTokens(
  logProbabilities: ArrayLike<number>,
  { temperature = 1, topP = 1, topK = 0 }: Omit<TokenSampling, "key">,
): KeptToken[] {
  let most = -Infinity;
  for (let id = 0; id < logProbabilities.length; id++) {
    most = Math.max(most, logProbabilities[id]!);
  }
  const kept: KeptToken[] = [];
  for (let id = 0; id < logProbabilities.length; id++) {
    const weight = (logProbabilities[id]! - most) / temperature;
    if (logProbabilities[id]! > banned && Math.exp(weight) > 0) kept.push({ id, weight });
  }
  kept.sort((a, b) => b.weight - a.weight || a.id - b.id);
  if (topK > 0) kept.splice(topK);
  if (topP >= 1) return kept;
  const total = kept.reduce((sum, { weight }) => sum + Math.exp(weight), 0);
  let before = 0;
  const end = kept.findIndex(({ weight }, place) => {
    if (place > 0 && before >= topP * total) return true;
    before += Math.exp(weight);
    return false;
  });
  return end < 0 ? kept : kept.slice(0, end);
}

/** Where a token stands whose noise is drawn. */
export interface DrawPlace {
  /** Number of the prompt, a word of 32 bits. */
  readonly prompt: number;
  /** Tokens after the prompt that come before it. */
  readonly position: number;
}

/**
 * Draws one token.
 *
 * @param logProbabilities Of all tokens, in nats
 * @returns The token with its log-probability as it was given
 * @throws {NumericError} If the largest log-probability is not finite
 */
export function drawToken(
  logProbabilities: ArrayLike<number>,
  sampling: TokenSampling,
  { prompt, position }: DrawPlace,
): Candidate {
  const kept = keptTokens(logProbabilities, sampling);
  const [first] = kept;
  if (first === undefined) {
    throw new NumericError(
      `Cannot draw a token as finite logits are required: found ${shown(logProbabilities[0])}`,
    );
  }
  const key = foldKey(foldKey(sampling.key, prompt), position);
  const noise = noiseOf(key, kept.length, logProbabilities.length);
  let [best, largest] = [first.id, -Infinity];
  for (const { id, weight } of kept) {
    const value = weight + noise(id);
    if (value > largest) [best, largest] = [id, value];
  }
  return { id: best, logProbability: logProbabilities[best]! };
}

/** Gumbel noise by token: drawn for all tokens at once where most of them are asked for. */
function noiseOf(key: Key, asked: number, tokens: number): (id: number) => number {
  const all = asked > tokens / 4 ? uniform(key, tokens) : undefined;
  return (id) => {
    const drawn = all?.[id] ?? threefry(key, 0, id >> 1)[id & 1]! / 2 ** 32;
    // In the middle of its interval, so that neither logarithm is infinite.
    return -Math.log(-Math.log(drawn + 2 ** -33));
  };
}
