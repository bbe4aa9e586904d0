/**
 * Options of beam search, shared by training, evaluation and prediction.
 *
 * @module
 */

import { type BeamConvention, beamConventions } from "../../nn/generation/beam_search.ts";
import type { OptionSpec } from "./options.ts";

/** How texts are searched for. */
export interface BeamConfig {
  /** Texts followed at once; 1 is greedy search. */
  readonly beams: number;
  /** Power of its length that a text's score is divided by. */
  readonly lengthPenalty: number;
  /** Length of token runs that may occur only once. */
  readonly noRepeatNgram: number;
  /** Penalty of tokens that have occurred. */
  readonly repetitionPenalty: number;
  /** Whose beam search. */
  readonly beamConvention: BeamConvention;
}

/** The options of {@linkcode BeamConfig}. */
export const beamOptions: { readonly [K in keyof BeamConfig]: OptionSpec } = {
  beams: { kind: "integer", help: "e2e: beams of the search, 1 for greedy", min: 1, default: 1 },
  lengthPenalty: {
    kind: "number",
    help: "e2e: power of the length that a score is divided by",
    min: 0,
    default: 1,
  },
  noRepeatNgram: {
    kind: "integer",
    help: "e2e: length of token runs that occur once, 0 for no limit",
    min: 0,
    default: 0,
  },
  repetitionPenalty: {
    kind: "number",
    help: "e2e: makes tokens less likely that have occurred",
    min: 0,
    default: 1,
  },
  beamConvention: {
    kind: "choice",
    choices: beamConventions,
    help: "e2e: beam search of transformers or of microsoft/LoRA",
    default: "hf",
  },
};
