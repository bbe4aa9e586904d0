/**
 * The loop of generation, batched over prompts, with a cache of keys and values. Each step reads once,
 * without drawing only the best candidates; finished prompts leave the batch.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Tensor } from "../../core/tensor.ts";
import { toBatch } from "../layers/batch.ts";
import { PastKeyValues } from "../layers/past_key_values.ts";
import type { Model } from "../models/model.ts";
import { type Generated, startSearch } from "./beam_search.ts";
import { compact, followBeams, type Hypothesis, nextInputs } from "./beam_state.ts";
import type { capturedTokens } from "./captured_tokens.ts";
import {
  candidates,
  type Correction,
  logProbabilities,
  type Ranking,
  type Scoring,
} from "./candidates.ts";
import { bannedTokens } from "./no_repeat_ngram.ts";
import { checkGeneration, type GenerateOptions } from "./generate_options.ts";
import { roundedUp, unpadded } from "./padding.ts";

/** Steps that the cache has room for when its memory is made. */
const ahead = 32;
/** Fewest steps that it has room for when it was moved. */
const least = 8;
/** Share of a batch that may be over before the rest is moved together. */
const idle = 1 / 4;

/** How tokens are captured, once that was loaded: pages do without. */
let captured: typeof capturedTokens | undefined;

/** Lets backends that capture work queue that of tokens again. */
export function captureTokens(by: typeof capturedTokens): void {
  captured = by;
}

/** Continues each prompt, once options and prompts are known to fit. */
export async function continuePrompts(
  model: Model,
  device: Device,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generated[]> {
  checkGeneration(prompts, options);
  if (options.sampling !== undefined) (await drawing()).checkTokenSampling(options.sampling);
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
  const room = { least: least * beams, room: Math.min(ahead, newTokens) * beams };
  const capture = captured?.(device);
  const padding = capture?.padding ?? unpadded;
  const capacity = roundedUp(longest + room.room, padding.slots);
  using cache = capture?.makeCache(device, all.length, capacity) ??
    new PastKeyValues(device, all.length, capacity);
  let hypotheses = all;
  while (hypotheses.length > 0) {
    using _step = device.scope("generate a token");
    const batch = cache.slots === 0
      ? toBatch(device, prompts.map((ids) => ({ ids })))
      : nextInputs(device, cache, hypotheses, { padding, windows: model.config.windows });
    const compute = () => model.forward({ batch: { ...batch, rows: batch.last }, cache }).logits;
    const logits = capture?.logits(model, batch, cache, compute) ?? compute();
    // A card computes the logits meanwhile.
    const corrections = Array.from({ length: batch.size }, (_, row) => {
      const { prompt, search } = hypotheses[row % hypotheses.length]!;
      const beam = search.beams[Math.floor(row / hypotheses.length)];
      return correctionOf(prompt, beam?.ids, options);
    });
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
    if (full || roundedUp(running, padding.sequences) <= (1 - idle) * hypotheses.length) {
      hypotheses = compact(cache, hypotheses, room, padding);
    }
  }
  return results;
}

/** How tokens are drawn, loaded where they are. */
const drawing = () => import("./sample.ts");

/** The candidates of each row: the most likely ones, or one that is drawn. */
async function chosen(
  logits: Tensor,
  hypotheses: readonly Hypothesis[],
  { sampling, numbers }: GenerateOptions,
  scoring: Scoring,
): Promise<Ranking[]> {
  if (sampling === undefined) return await candidates(logits, scoring);
  const { drawToken } = await drawing();
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
