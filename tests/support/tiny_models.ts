import { foldKey, normal, seedKey } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import { parseConfig } from "../../nn/models/config.ts";
import type { LanguageModel } from "../../nn/models/decoder.ts";
import { parameters } from "../../nn/layers/module.ts";
import type { EncodedExample } from "../../nn/layers/batch.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { classifier, languageModel } from "../../nn/models/registry.ts";

/** Fields of config.json that every tiny model shares. */
const fields = {
  vocab_size: 23,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 16,
  num_labels: 3,
  pad_token_id: 0,
} as const;

/** Architectures that have a tiny model. */
export const architectureNames = [
  "bert",
  "roberta",
  "mpnet",
  "deberta-v2",
  "modernbert",
  "gpt2",
  "llama",
  "qwen2",
  "qwen3",
  "smollm3",
  "mistral",
  "gemma3_text",
  "phi",
  "phi3",
] as const;
/** An architecture that has a tiny model. */
export type ArchitectureName = typeof architectureNames[number];

const own: Record<ArchitectureName, Record<string, unknown>> = {
  bert: { hidden_act: "gelu" },
  // Positions start at 2, here and in MPNet, so 18 rows hold 16 positions.
  roberta: { hidden_act: "gelu", type_vocab_size: 1, pad_token_id: 1, max_position_embeddings: 18 },
  mpnet: { hidden_act: "gelu", pad_token_id: 1, max_position_embeddings: 18 },
  "deberta-v2": {
    ...{ relative_attention: true, pos_att_type: "p2c|c2p", position_buckets: 6 },
    ...{ norm_rel_ebd: "layer_norm", share_att_key: true, position_biased_input: false },
    conv_kernel_size: 3,
  },
  modernbert: { local_attention: 4, global_attn_every_n_layers: 2 },
  gpt2: { activation_function: "gelu_new", n_inner: 12 },
  llama: { num_key_value_heads: 1 },
  qwen2: { num_key_value_heads: 1 },
  qwen3: { num_key_value_heads: 1, head_dim: 6 },
  smollm3: { num_key_value_heads: 1, no_rope_layer_interval: 2 },
  mistral: { num_key_value_heads: 1, sliding_window: 4 },
  gemma3_text: {
    ...{ num_key_value_heads: 1, head_dim: 6, sliding_window: 4, sliding_window_pattern: 2 },
    query_pre_attn_scalar: 5,
  },
  phi: { num_key_value_heads: 1, qk_layernorm: true },
  phi3: {
    ...{ num_key_value_heads: 1, sliding_window: 4, original_max_position_embeddings: 16 },
    partial_rotary_factor: 0.5,
    rope_scaling: { type: "longrope", short_factor: [1.5], long_factor: [3], factor: 4 },
  },
};

/** A configuration of a few thousand numbers: 16 positions, width 8, 2 heads, 2 layers. */
export function tinyConfig(
  architecture: ArchitectureName,
  change: Record<string, unknown> = {},
): ModelConfig {
  return parseConfig({ model_type: architecture, ...fields, ...own[architecture], ...change });
}

/** Fills every parameter from a stream of its own; norms stay near the identity. */
export function fillRandomly(model: Model, device: Device, seed = 1): void {
  for (const [path, parameter] of parameters(model)) {
    const norm = parameter.shape.length === 1 && path.endsWith("weight");
    const data = normal(foldKey(seedKey(seed), path), parameter.size)
      .map((x) => norm ? 1 + 0.1 * x : 0.4 * x);
    parameter.value = tensor(device, data, parameter.shape);
  }
  model.prepare(device);
}

/** A model with random weights, owned by the open scope. */
export function randomModel(
  device: Device,
  config: ModelConfig,
  kind: "classifier",
  seed?: number,
): Model;
/** A model with random weights, owned by the open scope. */
export function randomModel(
  device: Device,
  config: ModelConfig,
  kind: "language",
  seed?: number,
): LanguageModel;
/** A model with random weights, owned by the open scope. */
export function randomModel(
  device: Device,
  config: ModelConfig,
  kind: "classifier" | "language",
  seed = 1,
): Model {
  const model = kind === "language" ? languageModel(config) : classifier(config);
  fillRandomly(model, device, seed);
  return model;
}

/** Labelled token sequences of the given lengths, the same for the same lengths. */
export function tinyExamples(lengths: readonly number[], predict = false): EncodedExample[] {
  return lengths.map((length, i) => ({
    ids: Array.from({ length }, (_, t) => 2 + (7 * i + 5 * t + i * t) % 21),
    ...(predict ? { predictFrom: Math.max(1, length >> 1) } : { label: i % 3 }),
  }));
}
