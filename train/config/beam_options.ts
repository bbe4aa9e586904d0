/**
 * Options of beam search, shared by training, evaluation and prediction.
 *
 * @module
 */

import { textTaskNames } from "../data/text_tasks.ts";
import { beamConventions } from "../../nn/generation/beam_conventions.ts";
import type { OptionsOf, OptionTable } from "./options.ts";

/** Heading of the options of generation in help texts. */
export const generationGroup: string = `generation (${textTaskNames.join(", ")})`;

/** Options of the search for texts. */
export const beamOptions = {
  beams: {
    group: generationGroup,
    kind: "integer",
    min: 1,
    help: "texts followed at once, 1 for greedy search",
    default: 1,
  },
  lengthPenalty: {
    group: generationGroup,
    kind: "number",
    min: 0,
    help: "power of the length that a text's score is divided by",
    default: 1,
  },
  noRepeatNgram: {
    group: generationGroup,
    kind: "integer",
    min: 0,
    help: "length of token runs that occur once, 0 for no limit",
    default: 0,
  },
  repetitionPenalty: {
    group: generationGroup,
    kind: "number",
    above: 0,
    help: "makes tokens less likely that have occurred",
    default: 1,
  },
  beamConvention: {
    group: generationGroup,
    kind: "choice",
    choices: beamConventions,
    help: "beam search of transformers or of microsoft/LoRA",
    default: "hf",
  },
} as const satisfies OptionTable;

/** How texts are searched for. */
export interface BeamConfig extends OptionsOf<typeof beamOptions> {}
