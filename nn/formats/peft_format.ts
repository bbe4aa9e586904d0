/**
 * PEFT's adapter configuration as a text.
 *
 * @module
 */

import type { AdapterConfig } from "./peft_config.ts";

/** The adapter configuration as PEFT writes it: keys sorted, two spaces. */
export function formatAdapterConfig(
  config: AdapterConfig,
  options: { readonly loraDropout: number; readonly fanInFanOut: boolean },
): string {
  const orNull = <T extends { readonly length: number }>(value: T | undefined) =>
    value === undefined || value.length === 0 ? null : value;
  const fields = {
    alpha_pattern: config.alphaPattern ?? {},
    auto_mapping: null,
    base_model_name_or_path: config.baseModel ?? null,
    bias: config.bias ?? "none",
    exclude_modules: orNull(config.exclude),
    fan_in_fan_out: options.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: orNull(config.layersPattern),
    layers_to_transform: orNull(config.layers),
    lora_alpha: config.alpha,
    lora_bias: false,
    lora_dropout: options.loraDropout,
    modules_to_save: orNull(config.modulesToSave),
    peft_type: "LORA",
    r: config.rank,
    rank_pattern: config.rankPattern ?? {},
    revision: config.revision ?? null,
    target_modules: config.targets,
    task_type: config.taskType ?? null,
    use_dora: false,
    use_rslora: config.rslora ?? false,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}
