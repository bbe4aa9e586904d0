/**
 * Generation, greedy or by beam search, batched over prompts, with a cache of keys and values. Each
 * step reads once, and reads only the best candidates; finished prompts leave the batch.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { Device } from "../../core/device.ts";
import { pad } from "../objective/batch.ts";
import { PastKeyValues } from "../layers/past_key_values.ts";
import { candidates, type Correction } from "./candidates.ts";
import type { LanguageModel } from "../models/decoder.ts";
import { toInputs } from "../layers/forward_context.ts";
import { bannedTokens } from "./no_repeat_ngram.ts";
import { type BeamConvention, type Generated, startSearch } from "./beam_search.ts";
import { compact, followBeams, type Hypothesis, nextInputs } from "./beam_state.ts";

/** How texts are continued, and when they end. */
export interface GenerateOptions {
  /** Most tokens to add. */
  readonly maxNewTokens: number;
  /** Tokens that end a text. */
  readonly eosIds?: readonly number[];
  /** Longest sequence of the model; generation ends there. */
  readonly positions: number;
  /** Texts that are followed at once; default 1, greedy search. */
  readonly beams?: number;
  /** Power of its length that a text's score is divided by; default 1. */
  readonly lengthPenalty?: number;
  /** Length of token runs that may occur only once; default 0, any number of times. */
  readonly noRepeatNgram?: number;
  /** Above 1 makes tokens that have occurred less likely; default 1. */
  readonly repetitionPenalty?: number;
  /** Whose beam search; default `hf`. */
  readonly convention?: BeamConvention;
  /** `hf`: when a search ends before its limit; default `false`, as in transformers. */
  readonly earlyStopping?: boolean | "never";
}

/** Steps that the cache has room for when its memory is made. */
const ahead = 32;
/** Fewest steps that it has room for when it was moved. */
const least = 8;
/** Share of a batch that may be over before the rest is moved together. */
const idle = 1 / 4;

/**
 * Continues each prompt by its most likely tokens, or by the best text that a beam search finds.
 *
 * Prompts of similar length waste least. A text's result does not depend on the others.
 *
 * @returns For each prompt its text
 * @throws {OptionError} If a prompt is empty or leaves no room, or an option does not fit
 * @throws {RangeError} If the model computes numbers that are not finite
 */
export async function generate(
  model: LanguageModel,
  device: Device,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generated[]> {
  check(prompts, options);
  const { maxNewTokens, eosIds = [], positions, beams = 1, lengthPenalty = 1 } = options;
  const { repetitionPenalty = 1, convention = "hf", earlyStopping = false } = options;
  const shared = { beams, lengthPenalty, eosIds: new Set(eosIds), earlyStopping };
  const all = prompts.map((prompt, number): Hypothesis => {
    const limit = Math.min(maxNewTokens, positions - prompt.length);
    const search = startSearch(convention, { ...shared, limit });
    return { number, prompt, search, paths: [[]] };
  });
  const results = new Array<Generated>(prompts.length);
  const longest = Math.max(0, ...prompts.map((prompt) => prompt.length));
  using _owner = device.scope("generate");
  const room = Math.min(ahead, maxNewTokens) * beams;
  using cache = new PastKeyValues(device, all.length, longest + room);
  let texts = all;
  while (texts.length > 0) {
    using _step = device.scope("generate a token");
    const inputs = cache.slots === 0
      ? toInputs(device, pad(prompts.map((ids) => ({ ids })), 0))
      : nextInputs(device, cache, texts);
    const corrections = Array.from({ length: inputs.batch }, (_, row) => {
      const { prompt, search } = texts[row % texts.length]!;
      const beam = search.beams[Math.floor(row / texts.length)];
      return correctionOf(prompt, beam?.ids, options);
    });
    const found = await candidates(model.logits({ inputs, cache }, inputs.last), {
      corrections,
      penalty: repetitionPenalty,
      correctFirst: convention === "lora" || beams === 1,
      count: Math.max(...texts.map(({ search }) => search.width)),
    });
    texts.forEach(({ number, search }, t) => {
      if (search.beams.length === 0) return;
      search.advance(search.beams.map((_, b) => found[b * texts.length + t]!));
      if (search.beams.length === 0) results[number] = search.best!;
    });
    followBeams(texts);
    const running = texts.filter(({ search }) => search.beams.length > 0).length;
    if (running === 0) return results;
    const full = cache.slots + beams > cache.capacity;
    if (full || running <= (1 - idle) * texts.length) {
      texts = compact(cache, texts, least * beams, room);
    }
  }
  return results;
}

/** What a beam may not repeat. */
function correctionOf(
  prompt: readonly number[],
  ids: readonly number[] | undefined,
  { convention = "hf", noRepeatNgram = 0, repetitionPenalty = 1 }: GenerateOptions,
): Correction {
  const corrects = noRepeatNgram > 0 || repetitionPenalty !== 1;
  if (ids === undefined || !corrects) return { banned: [], repeated: [] };
  const seen = convention === "hf" ? prompt.concat(ids) : ids;
  return {
    banned: bannedTokens(seen, noRepeatNgram),
    repeated: repetitionPenalty === 1 ? [] : [...new Set(seen)],
  };
}

function check(prompts: readonly (readonly number[])[], options: GenerateOptions): void {
  const { maxNewTokens, positions, beams = 1, lengthPenalty = 1 } = options;
  const { noRepeatNgram = 0, repetitionPenalty = 1 } = options;
  if (prompts.some(({ length }) => length === 0 || length >= positions)) {
    throw new OptionError(`Cannot continue prompts as 1 to ${positions - 1} tokens are required`);
  }
  const demand = (name: string, value: number, fits: boolean, required: string) => {
    if (fits) return;
    throw new OptionError(
      `Cannot generate with ${name} as ${required} is required: found ${value}`,
    );
  };
  const whole = (name: string, value: number, least: number) =>
    demand(
      name,
      value,
      Number.isSafeInteger(value) && value >= least,
      `an integer of at least ${least}`,
    );
  whole("maxNewTokens", maxNewTokens, 1);
  whole("beams", beams, 1);
  whole("noRepeatNgram", noRepeatNgram, 0);
  demand("lengthPenalty", lengthPenalty, Number.isFinite(lengthPenalty), "a finite number");
  const positive = repetitionPenalty > 0 && repetitionPenalty < Infinity;
  demand("repetitionPenalty", repetitionPenalty, positive, "a number above 0");
}
