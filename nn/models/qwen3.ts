/**
 * Qwen3: LLaMA's decoder with norms of queries and keys, head by head.
 *
 * **Source**: Yang et al. 2025, "Qwen3 Technical Report".
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { classNamesOf, llamaConfig, llamaTraits } from "./llama.ts";
import type { LlamaConfig } from "./llama_layers.ts";
import { kindsOfLayers, qwenWindows } from "./windows.ts";

/** `qwen3`: classifier and language model. */
export const qwen3: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "qwen3",
  classNames: classNamesOf("Qwen3"),
  configure(fields, common) {
    const config = llamaConfig(fields, common, {
      headSize: 128,
      keyValueHeads: 32,
      biases: ["attention_bias"],
    });
    const windows = qwenWindows(fields, common);
    const layerKinds = windows.map((window) => ({ rotary: 0, window }));
    return { ...config, ...kindsOfLayers(layerKinds), headNorms: true };
  },
};
