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

/** Log-probabilities of banned tokens are below, whatever the temperature makes of them. */
const banned = lowestFloat / 2;

/** Tokens that may be drawn. */
export interface KeptTokens {
  /** Their numbers; those that top-k or top-p kept come likeliest first. */
  readonly ids: Uint32Array;
  /**
   * By the number of any token, its log-probability divided by the temperature, less that of the
   * likeliest token; of a token without a chance -Infinity.
   */
  readonly weights: Float64Array;
}

/**
 * Tokens that may be drawn; of equal ones the lower number is kept. As in transformers the
 * temperature comes before top-k, and top-k before top-p.
 *
 * @param logProbabilities Of all tokens, in nats; a number added to all changes nothing
 */
export function keptTokens(
  logProbabilities: ArrayLike<number>,
  { temperature = 1, topP = 1, topK = 0 }: Omit<TokenSampling, "key">,
): KeptTokens {
  const count = logProbabilities.length;
  let most = -Infinity;
  for (let id = 0; id < count; id++) most = Math.max(most, logProbabilities[id]!);
  const weights = new Float64Array(count).fill(-Infinity);
  const powers = new Float64Array(count);
  const all = new Uint32Array(count);
  let found = 0;
  for (let id = 0; id < count; id++) {
    const weight = (logProbabilities[id]! - most) / temperature;
    const power = Math.exp(weight);
    if (!(logProbabilities[id]! > banned && power > 0)) continue;
    weights[id] = weight;
    powers[id] = power;
    all[found++] = id;
  }
  let ids = all.subarray(0, found);
  if (topK > 0 && topK < ids.length) {
    const least = weights.toSorted().at(-topK)!;
    ids = likeliestFirst(ids.filter((id) => weights[id]! >= least), weights).subarray(0, topK);
  }
  return { ids: topP < 1 ? likeliest(ids, weights, powers, topP) : ids, weights };
}

/** The fewest tokens whose probabilities sum to `topP` of all of `ids`. */
function likeliest(
  ids: Uint32Array,
  weights: Float64Array,
  powers: Float64Array,
  topP: number,
): Uint32Array {
  const total = ids.reduce((sum, id) => sum + powers[id]!, 0);
  // Those below half of this do not sum to what may be left out, however many they are.
  const rare = total * (1 - topP) / ids.length / 2;
  const sorted = likeliestFirst(ids.filter((id) => powers[id]! > rare), weights);
  let before = 0;
  const end = sorted.findIndex((id, place) => {
    if (place > 0 && before >= topP * total) return true;
    before += powers[id]!;
    return false;
  });
  return end < 0 ? sorted : sorted.subarray(0, end);
}

function likeliestFirst(
  ids: Uint32Array<ArrayBuffer>,
  weights: Float64Array,
): Uint32Array<ArrayBuffer> {
  return ids.sort((a, b) => weights[b]! - weights[a]! || a - b);
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
  const { ids, weights } = keptTokens(logProbabilities, sampling);
  if (ids.length === 0) {
    throw new NumericError(
      `Cannot draw a token as finite logits are required: found ${shown(logProbabilities[0])}`,
    );
  }
  const key = foldKey(foldKey(sampling.key, prompt), position);
  const noise = noiseOf(key, ids.length, logProbabilities.length);
  let [best, largest] = [ids[0]!, -Infinity];
  for (const id of ids) {
    const weight = weights[id]!;
    if (weight + mostNoise < largest) continue;
    const value = weight + noise(id);
    if (value > largest) [best, largest] = [id, value];
  }
  return { id: best, logProbability: logProbabilities[best]! };
}

/** No noise is larger: a token that lies further behind cannot win. */
const mostNoise = 23;

/** Gumbel noise by token: drawn for all tokens at once where most of them are asked for. */
function noiseOf(key: Key, asked: number, tokens: number): (id: number) => number {
  const all = asked > tokens / 4 ? uniform(key, tokens) : undefined;
  return (id) => {
    const drawn = all?.[id] ?? threefry(key, 0, id >> 1)[id & 1]! / 2 ** 32;
    // In the middle of its interval, so that neither logarithm is infinite.
    return -Math.log(-Math.log(drawn + 2 ** -33));
  };
}
