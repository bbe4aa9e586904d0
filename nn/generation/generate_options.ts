/**
 * How prompts are continued, and what fits.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { type BeamConvention, beamConventions } from "./beam_conventions.ts";
import type { TokenSampling } from "./sample.ts";

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

/**
 * Checks prompts and options.
 *
 * @throws {OptionError} If a prompt is empty or leaves no room, or an option does not fit
 */
export function checkGeneration(
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): void {
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
