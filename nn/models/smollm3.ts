/**
 * SmolLM3: LLaMA's decoder, in which some layers, by default every fourth, know no positions.
 *
 * **Source**: Bakouch et al. 2025, "SmolLM3"; Yang et al. 2025, "RoPE to NoPE and back again".
 *
 * @module
 */

import type { Architecture } from "./architecture.ts";
import { classNamesOf, llamaConfig, llamaTraits } from "./llama.ts";
import type { LlamaConfig } from "./llama_layers.ts";
import type { ConfigFields } from "./config_fields.ts";
import type { ModelConfig } from "./model.ts";
import { kindsOfLayers, layerTypes, layerWindows } from "./windows.ts";

/** Whether each layer turns queries and keys by their positions. */
function turningLayers(fields: ConfigFields, { layers }: ModelConfig): readonly boolean[] {
  const found = fields.list("no_rope_layers");
  if (found === undefined) {
    const every = fields.size(["no_rope_layer_interval"], 4);
    return Array.from({ length: layers }, (_, i) => (i + 1) % every !== 0);
  }
  const isFlag = (one: unknown) => one === 0 || one === 1;
  if (found.length !== layers || !found.every(isFlag)) {
    fields.fail(
      "no_rope_layers",
      `0 or 1 is required for each layer of num_hidden_layers, ${layers}`,
      found,
    );
  }
  return found.map((one) => one === 1);
}

/** `smollm3`: classifier and language model. */
export const smollm3: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "smollm3",
  classNames: classNamesOf("SmolLM3"),
  defaults: { ...llamaTraits.defaults, tied: true, padId: 128004, bosId: 128000, eosId: 128001 },
  configure(fields, common) {
    const config = llamaConfig(fields, common, { keyValueHeads: 4, theta: 2e6 });
    const turns = turningLayers(fields, common);
    const slides = fields.flag("use_sliding_window", false) && fields.has("sliding_window");
    const size = slides ? fields.size(["sliding_window"]) : undefined;
    const types = layerTypes(fields, common, (layer) => {
      return size !== undefined && !turns[layer] ? "sliding_attention" : "full_attention";
    });
    const windows = layerWindows(fields, types, size);
    const layerKinds = windows.map((window, layer) => {
      return { window, ...(turns[layer] && { rotary: 0 }) };
    });
    return { ...config, ...kindsOfLayers(layerKinds) };
  },
};
