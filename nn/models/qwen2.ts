/**
 * Qwen2 and Qwen2.5: LLaMA's decoder with biases of queries, keys and values.
 *
 * **Source**: Yang et al. 2024, "Qwen2 Technical Report".
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { classNamesOf, llamaConfig, llamaTraits } from "./llama.ts";
import type { LlamaConfig } from "./llama_layers.ts";
import { kindsOfLayers, qwenWindows } from "./windows.ts";

/** `qwen2`: classifier and language model. */
export const qwen2: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "qwen2",
  classNames: classNamesOf("Qwen2"),
  configure(fields, common) {
    const config = llamaConfig(fields, common, { biases: [] });
    const windows = qwenWindows(fields, common);
    const layerKinds = windows.map((window) => ({ rotary: 0, window }));
    return { ...config, ...kindsOfLayers(layerKinds), attentionBias: true };
  },
};
