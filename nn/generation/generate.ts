/**
 * Generation, greedy, by beam search or by drawing tokens, batched over prompts, with a cache of keys
 * and values. Each step reads once, without drawing only the best candidates; finished prompts leave
 * the batch.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import type { Tensor } from "../../core/tensor.ts";
import { toBatch } from "../layers/batch.ts";
import { PastKeyValues } from "../layers/past_key_values.ts";
import type { Model } from "../models/model.ts";
import {
  type BeamConvention,
  beamConventions,
  type Generated,
  startSearch,
} from "./beam_search.ts";
import { compact, followBeams, type Hypothesis, nextInputs } from "./beam_state.ts";
import {
  candidates,
  type Correction,
  logProbabilities,
  type Ranking,
  type Scoring,
} from "./candidates.ts";
import { bannedTokens } from "./no_repeat_ngram.ts";
import { checkTokenSampling, drawToken, type TokenSampling } from "./sample.ts";

/** How prompts are continued, and when that ends. */
export interface GenerateOptions {
  /** Most tokens to add to a prompt. */
  readonly newTokens: number;
  /** Tokens that end a hypothesis; default none. */
  readonly eosIds?: readonly number[];
  /** Longest sequence of the model; generation ends there. */
  readonly positions: number;
  /** Hypotheses that are followed at once; default 1, greedy search. */
  readonly beams?: number;
  /** Power of its length that a hypothesis's score is divided by; default 1. */
  readonly lengthPenalty?: number;
  /** Length of the n-grams that may occur only once; default 0, any number of times. */
  readonly noRepeatNgram?: number;
  /** Above 1 makes tokens that have occurred less likely; default 1. */
  readonly repetitionPenalty?: number;
  /** Whose beam search; default `hf`. */
  readonly beamConvention?: BeamConvention;
  /** `hf`: when a search ends before its limit; default `false`, as in transformers. */
  readonly earlyStopping?: boolean | "never";
  /** Draws tokens instead of searching for the best text; default none. It takes one beam. */
  readonly sampling?: TokenSampling;
  /** Numbers of the prompts, which what is drawn depends on; default their places. */
  readonly numbers?: readonly number[];
}

/** Steps that the cache has room for when its memory is made. */
const ahead = 32;
/** Fewest steps that it has room for when it was moved. */
const least = 8;
/** Share of a batch that may be over before the rest is moved together. */
const idle = 1 / 4;

/**
 * Continues each prompt by its most likely tokens, by the best hypothesis of a beam search, or by
 * tokens that are drawn.
 *
 * Prompts of similar length waste least. The result of one does not depend on the others.
 *
 * @param model A language model, whose logits are over the vocabulary
 * @returns For each prompt its continuation
 * @throws {OptionError} If a prompt is empty or leaves no room, or an option does not fit
 * @throws {NumericError} If the model computes numbers that are not finite
 */
export async function generate(
  model: Model,
  device: Device,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generated[]> {
  check(prompts, options);
  const { newTokens, eosIds = [], positions, beams = 1, lengthPenalty = 1 } = options;
  const { repetitionPenalty = 1, beamConvention = "hf", earlyStopping = false } = options;
  const shared = { beams, lengthPenalty, eosIds: new Set(eosIds), earlyStopping };
  const all = prompts.map((prompt, number): Hypothesis => {
    const limit = Math.min(newTokens, positions - prompt.length);
    const search = startSearch(beamConvention, { ...shared, limit });
    return { number, prompt, search, paths: [[]] };
  });
  const results = new Array<Generated>(prompts.length);
  const longest = Math.max(0, ...prompts.map((prompt) => prompt.length));
  using _owner = device.scope("generate");
  const room = Math.min(ahead, newTokens) * beams;
  using cache = new PastKeyValues(device, all.length, longest + room);
  let hypotheses = all;
  while (hypotheses.length > 0) {
    using _step = device.scope("generate a token");
    const batch = cache.slots === 0
      ? toBatch(device, prompts.map((ids) => ({ ids })))
      : nextInputs(device, cache, hypotheses);
    const corrections = Array.from({ length: batch.size }, (_, row) => {
      const { prompt, search } = hypotheses[row % hypotheses.length]!;
      const beam = search.beams[Math.floor(row / hypotheses.length)];
      return correctionOf(prompt, beam?.ids, options);
    });
    const { logits } = model.forward({ batch: { ...batch, rows: batch.last }, cache });
    const found = await chosen(logits, hypotheses, options, {
      corrections,
      penalty: repetitionPenalty,
      correctFirst: beamConvention === "lora" || beams === 1,
      count: Math.max(...hypotheses.map(({ search }) => search.width)),
    });
    hypotheses.forEach(({ number, search }, t) => {
      if (search.beams.length === 0) return;
      search.advance(search.beams.map((_, b) => found[b * hypotheses.length + t]!));
      if (search.beams.length === 0) results[number] = search.best!;
    });
    followBeams(hypotheses);
    const running = hypotheses.filter(({ search }) => search.beams.length > 0).length;
    if (running === 0) return results;
    const full = cache.slots + beams > cache.capacity;
    if (full || running <= (1 - idle) * hypotheses.length) {
      hypotheses = compact(cache, hypotheses, least * beams, room);
    }
  }
  return results;
}

/** The candidates of each row: the most likely ones, or one that is drawn. */
async function chosen(
  logits: Tensor,
  hypotheses: readonly Hypothesis[],
  { sampling, numbers }: GenerateOptions,
  scoring: Scoring,
): Promise<Ranking[]> {
  if (sampling === undefined) return await candidates(logits, scoring);
  const all = await logProbabilities(logits, scoring);
  const width = all.length / hypotheses.length;
  return hypotheses.map(({ number, search }, row) => {
    const [beam] = search.beams;
    if (beam === undefined) return [];
    const place = { prompt: numbers?.[number] ?? number, position: beam.ids.length };
    return [drawToken(all.subarray(row * width, (row + 1) * width), sampling, place)];
  });
}

/** What a beam may not repeat. */
function correctionOf(
  prompt: readonly number[],
  ids: readonly number[] | undefined,
  { beamConvention = "hf", noRepeatNgram = 0, repetitionPenalty = 1 }: GenerateOptions,
): Correction {
  const corrects = noRepeatNgram > 0 || repetitionPenalty !== 1;
  if (ids === undefined || !corrects) return { banned: [], repeated: [] };
  const seen = beamConvention === "hf" ? prompt.concat(ids) : ids;
  return {
    banned: bannedTokens(seen, noRepeatNgram),
    repeated: repetitionPenalty === 1 ? [] : [...new Set(seen)],
  };
}

function check(prompts: readonly (readonly number[])[], options: GenerateOptions): void {
  checkSearch(options);
  const { positions } = options;
  prompts.forEach((prompt, i) => {
    const length = prompt?.length;
    if (length > 0 && length < positions) return;
    throw new OptionError(
      `Cannot continue prompt ${i} as 1 to ${positions - 1} tokens are required: found ` +
        (length ?? shown(prompt)),
    );
  });
}

function checkSearch(options: GenerateOptions): void {
  const { newTokens, positions, beams = 1, lengthPenalty = 1, eosIds = [] } = options;
  const { noRepeatNgram = 0, repetitionPenalty = 1 } = options;
  const { beamConvention = "hf", earlyStopping = false, sampling } = options;
  if (sampling !== undefined) checkTokenSampling(sampling);
  const demand = (name: string, value: unknown, fits: boolean, required: string) => {
    if (fits) return;
    throw new OptionError(
      `Cannot generate with ${name} as ${required} is required: found ${shown(value)}`,
    );
  };
  const known = beamConventions.includes(beamConvention);
  demand("beamConvention", beamConvention, known, `one of ${beamConventions.join(", ")}`);
  const stops = [true, false, "never"].includes(earlyStopping);
  demand("earlyStopping", earlyStopping, stops, "true, false or never");
  demand("eosIds", eosIds, typeof eosIds === "object", "a list of tokens");
  const whole = (name: string, value: number, least: number) =>
    demand(
      name,
      value,
      Number.isSafeInteger(value) && value >= least,
      `an integer of at least ${least}`,
    );
  whole("positions", positions, 2);
  whole("newTokens", newTokens, 1);
  whole("beams", beams, 1);
  demand("sampling", beams, sampling === undefined || beams === 1, "one beam");
  whole("noRepeatNgram", noRepeatNgram, 0);
  demand("lengthPenalty", lengthPenalty, Number.isFinite(lengthPenalty), "a finite number");
  const positive = repetitionPenalty > 0 && repetitionPenalty < Infinity;
  demand("repetitionPenalty", repetitionPenalty, positive, "a number above 0");
}
