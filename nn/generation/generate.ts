/**
 * Generation: greedy, by beam search or by drawing tokens. What does the work is loaded where it is
 * called.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import type { Model } from "../models/model.ts";
import type { Generated } from "./beam_search.ts";
import type { GenerateOptions } from "./generate_options.ts";

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
  given: GenerateOptions,
): Promise<Generated[]> {
  const { longestContinued = Infinity } = model.config;
  const options = { ...given, positions: Math.min(given.positions, longestContinued) };
  const { continuePrompts } = await import("./continue_prompts.ts");
  return await continuePrompts(model, device, prompts, options);
}
