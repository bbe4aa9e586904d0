/**
 * Options of beam search, shared by training, evaluation and prediction.
 *
 * @module
 */

import { beamConventions } from "../../nn/generation/beam_search.ts";
import type { OptionsOf, OptionTable } from "./options.ts";

/** Options of the search for texts. */
export const beamOptions = {
  beams: {
    group: "generation (e2e, webnlg)",
    kind: "integer",
    min: 1,
    help: "texts followed at once, 1 for greedy search",
    default: 1,
  },
  lengthPenalty: {
    group: "generation (e2e, webnlg)",
    kind: "number",
    min: 0,
    help: "power of the length that a text's score is divided by",
    default: 1,
  },
  noRepeatNgram: {
    group: "generation (e2e, webnlg)",
    kind: "integer",
    min: 0,
    help: "length of token runs that occur once, 0 for no limit",
    default: 0,
  },
  repetitionPenalty: {
    group: "generation (e2e, webnlg)",
    kind: "number",
    above: 0,
    help: "makes tokens less likely that have occurred",
    default: 1,
  },
  beamConvention: {
    group: "generation (e2e, webnlg)",
    kind: "choice",
    choices: beamConventions,
    help: "beam search of transformers or of microsoft/LoRA",
    default: "hf",
  },
} as const satisfies OptionTable;

/** How texts are searched for. */
export interface BeamConfig extends OptionsOf<typeof beamOptions> {}
