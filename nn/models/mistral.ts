/**
 * Mistral: LLaMA's decoder whose queries see a window of tokens.
 *
 * **Source**: Jiang et al. 2023, "Mistral 7B".
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { kindsOfLayers, layerTypes } from "./windows.ts";
import { classNamesOf, llamaConfig, llamaTraits } from "./llama.ts";
import type { LlamaConfig } from "./llama_layers.ts";

/** `mistral`: classifier and language model. */
export const mistral: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "mistral",
  classNames: classNamesOf("Mistral"),
  configure(fields, common) {
    const config = llamaConfig(fields, common, { keyValueHeads: 8, biases: [] });
    // Known, and of no effect there either.
    layerTypes(fields, common, () => "full_attention");
    const window = fields.fields["sliding_window"] === null
      ? undefined
      : fields.size(["sliding_window"], 4096);
    const layerKinds = config.layerKinds.map((kind) => ({ ...kind, window }));
    return { ...config, ...kindsOfLayers(layerKinds) };
  },
};
