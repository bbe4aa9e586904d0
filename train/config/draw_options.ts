/**
 * Options of drawing the tokens of a text instead of searching for the likeliest ones.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { seedKey } from "../../core/random.ts";
import { checkTokenSampling, type TokenSampling } from "../../nn/generation/sample.ts";
import { generationGroup } from "./beam_options.ts";
import { type Given, kebab, type OptionTable } from "./options.ts";

/** Options of drawing tokens; none has an effect without the first. */
export const drawOptions = {
  sample: {
    group: generationGroup,
    kind: "switch",
    help: "draw the tokens of a text by their probabilities",
  },
  temperature: {
    group: generationGroup,
    kind: "number",
    above: 0,
    help: "divides logits: below 1 likely tokens gain",
    defaultText: "1",
  },
  topP: {
    group: generationGroup,
    kind: "number",
    above: 0,
    help: "draw from the fewest tokens whose probabilities sum to this",
    defaultText: "1, all tokens",
  },
  topK: {
    group: generationGroup,
    kind: "integer",
    min: 1,
    help: "draw from so many of the likeliest tokens",
    defaultText: "all tokens",
  },
  sampleSeed: {
    group: generationGroup,
    kind: "integer",
    min: 0,
    help: "seed of the texts that are drawn",
    defaultText: "the run's",
  },
} as const satisfies OptionTable;

/**
 * How tokens are drawn; undefined where they are not.
 *
 * @param run Beams that are to be followed, and the seed of the run
 * @throws {OptionError} If something is given without `--sample`, there is more than one beam, or a
 * value does not fit
 */
export function drawingOf(
  { sample, sampleSeed, ...rules }: Given<typeof drawOptions>,
  run: { readonly beams: number; readonly seed: number },
): TokenSampling | undefined {
  if (!sample) {
    const [name] = Object.keys({ ...rules, ...(sampleSeed !== undefined && { sampleSeed }) });
    if (name === undefined) return undefined;
    throw new OptionError(`Cannot use --${kebab(name)} as --sample is required with it`);
  }
  if (run.beams > 1) {
    throw new OptionError(`Cannot use --sample as --beams 1 is required: found ${run.beams}`);
  }
  if (rules.topP !== undefined && rules.topP > 1) {
    throw new OptionError(
      `Cannot use --top-p as a number above 0 and at most 1 is required: found ${rules.topP}`,
    );
  }
  const sampling = { key: seedKey(sampleSeed ?? run.seed), ...rules };
  checkTokenSampling(sampling);
  return sampling;
}
