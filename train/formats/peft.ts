/**
 * PEFT's adapter format: the configuration, and the names and layout of its tensors. GPT-2 layers
 * adapted by thirds are written as one update of the fused layer, without loss.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { LoraOptions } from "../../nn/lora.ts";

/** Prefix of every tensor name. */
export const peftPrefix = "base_model.model.";

/** What an adapter configuration says. */
export interface AdapterConfig {
  /** What is adapted. */
  readonly lora: LoraOptions;
  /** Kind of task, such as `SEQ_CLS` or `CAUSAL_LM`. */
  readonly taskType?: string | undefined;
  /** Modules saved whole, such as the classification head. */
  readonly modulesToSave: readonly string[];
  /** Where the base model came from. */
  readonly baseModel?: string | undefined;
  /** Its revision, where it came from a hub. */
  readonly revision?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Settings that must be at rest, as they would change the model and are not implemented. */
const refused = [
  "use_dora",
  "use_qalora",
  "use_bdlora",
  "lora_bias",
  "layer_replication",
  "layers_to_transform",
  "exclude_modules",
  "target_parameters",
  "trainable_token_indices",
  "alora_invocation_tokens",
  "rank_pattern",
  "alpha_pattern",
];

/**
 * Reads adapter_config.json.
 *
 * @param path Name of the file, for messages
 * @throws {FileError} If a key is missing, malformed or asks for what is not implemented
 */
export function parseAdapterConfig(
  json: unknown,
  path = "adapter_config.json",
): AdapterConfig {
  const fail = (key: string, required: string, found: unknown): never => {
    throw new FileError(
      `Cannot use ${key} of this adapter as ${required}: found ${JSON.stringify(found)}`,
      path,
    );
  };
  if (typeof json !== "object" || json === null) {
    throw new FileError("Cannot read the adapter configuration as an object is required", path);
  }
  const fields = json as Fields;
  if (fields["peft_type"] !== "LORA") fail("peft_type", "LORA is required", fields["peft_type"]);
  for (const key of refused) {
    const value = fields[key];
    const empty = value === undefined || value === null || value === false ||
      (typeof value === "object" && Object.keys(value).length === 0);
    if (!empty) fail(key, "it is not supported and must be unset", value);
  }
  const bias = fields["bias"] ?? "none";
  if (bias !== "none") fail("bias", "none is required", bias);
  const targets = fields["target_modules"];
  if (!isStrings(targets) || targets.length === 0) {
    return fail("target_modules", "a list of module names is required", targets);
  }
  const rank = fields["r"] ?? 8;
  const alpha = fields["lora_alpha"] ?? 8;
  if (!Number.isSafeInteger(rank)) fail("r", "a positive integer is required", rank);
  if (typeof alpha !== "number") fail("lora_alpha", "a number is required", alpha);
  const saved = fields["modules_to_save"] ?? [];
  if (!isStrings(saved)) return fail("modules_to_save", "a list of names is required", saved);
  return {
    lora: {
      targets,
      rank: rank as number,
      alpha: alpha as number,
      rsLora: fields["use_rslora"] === true,
    },
    taskType: typeof fields["task_type"] === "string" ? fields["task_type"] : undefined,
    modulesToSave: saved,
    baseModel: typeof fields["base_model_name_or_path"] === "string"
      ? fields["base_model_name_or_path"]
      : undefined,
    ...(typeof fields["revision"] === "string" && { revision: fields["revision"] }),
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** The adapter configuration as PEFT writes it: keys sorted, two spaces. */
export function formatAdapterConfig(
  config: AdapterConfig,
  options: { readonly loraDropout: number; readonly fanInFanOut: boolean },
): string {
  const { lora, taskType, modulesToSave, baseModel, revision } = config;
  const fused = fusedOptions(lora);
  const fields = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModel ?? null,
    bias: "none",
    exclude_modules: null,
    fan_in_fan_out: options.fanInFanOut,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: fused.alpha,
    lora_bias: false,
    lora_dropout: options.loraDropout,
    modules_to_save: modulesToSave.length > 0 ? modulesToSave : null,
    peft_type: "LORA",
    r: fused.rank,
    rank_pattern: {},
    revision: revision ?? null,
    target_modules: fused.targets,
    task_type: taskType ?? null,
    use_dora: false,
    use_rslora: fused.rsLora ?? false,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

const third = /^(.*c_attn)\.[qkv]$/;

/**
 * Thirds of a fused layer have no place in PEFT: n of them become one update of n times the rank,
 * with alpha raised so that the factor stays.
 */
export function fusedOptions(lora: LoraOptions): LoraOptions {
  const thirds = lora.targets.filter((target) => third.test(target));
  if (thirds.length === 0) return lora;
  const others = lora.targets.filter((target) => !third.test(target));
  if (others.length > 0) {
    throw new FileError(
      `Cannot write ${thirds.join(", ")} beside ${others.join(", ")} as thirds of c_attn must be ` +
        "the only targets",
      "adapter_config.json",
    );
  }
  const growth = lora.rsLora ? Math.sqrt(thirds.length) : thirds.length;
  return {
    ...lora,
    targets: [...new Set(thirds.map((target) => third.exec(target)![1]!))],
    rank: lora.rank * thirds.length,
    alpha: lora.alpha * growth,
  };
}

/** One part of a fused update, on the host. */
export interface HostPart {
  /** First output. */
  readonly start: number;
  /** Outputs. */
  readonly size: number;
  /** `[rank, inputs]`. */
  readonly down: ArrayLike<number>;
  /** `[size, rank]`. */
  readonly up: ArrayLike<number>;
}

/** Stacks the down-projections and places the up-projections in the rows and columns they own. */
export function fuseParts(
  parts: readonly HostPart[],
  rank: number,
  inputs: number,
  outputs: number,
): { down: Float32Array; up: Float32Array } {
  const total = rank * parts.length;
  const down = new Float32Array(total * inputs);
  const up = new Float32Array(outputs * total);
  parts.forEach((part, index) => {
    down.set(part.down, index * rank * inputs);
    for (let row = 0; row < part.size; row++) {
      for (let r = 0; r < rank; r++) {
        up[(part.start + row) * total + index * rank + r] = part.up[row * rank + r]!;
      }
    }
  });
  return { down, up };
}
