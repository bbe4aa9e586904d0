/**
 * Whose beam search is followed.
 *
 * @module
 */

/** Conventions of beam search, by name. */
export const beamConventions = ["hf", "lora"] as const;
/**
 * A convention of beam search. `hf` is that of transformers 5: enough candidates that `beams` of them
 * go on, a pool of as many finished hypotheses, an early end once none of them can get into it; bans
 * remove probability after normalisation, and look at prompt and continuation. `lora` is that of
 * microsoft/LoRA: exactly `beams` candidates, of which those that end leave a gap, the best hypothesis
 * of all steps; bans come before normalisation, and look at the continuation alone.
 */
export type BeamConvention = typeof beamConventions[number];
