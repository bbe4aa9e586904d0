/**
 * The models that GGUF files hold, by llama.cpp's names: which fields of config.json their metadata are,
 * and which parameters their tensors are.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";
import type { JsonObject } from "./json_record.ts";

/** How a tensor of a file becomes that of a checkpoint. */
export type GgufLayout = "rows" | "rotary rows" | "transposed" | "one more";

/** What a kind of file holds. */
export interface GgufArchitecture {
  /** Fields of config.json by the key of metadata behind the architecture's name; some may be absent. */
  readonly fields: Readonly<Record<string, string>>;
  /** Fields that all such models have, given whether a tensor is there. */
  readonly fixed: (has: (tensor: string) => boolean) => JsonObject;
  /** Names in a checkpoint: of all, and behind the number of the layer. */
  readonly names: Readonly<Record<string, string>>;
  /** Prefix of a layer's names in a checkpoint. */
  readonly layer: string;
  /** The same of its parts. */
  readonly parts: Readonly<Record<string, string>>;
  /** How a tensor lies, by its part. */
  readonly layout: (part: string) => GgufLayout;
  /** Field that has the number of query heads, and of key and value heads. */
  readonly heads: readonly [string, string];
  /** What the metadata say in ways of the architecture's own: windows, scaled positions, other factors. */
  readonly own?: (value: (key: string) => GgufValue | undefined) => JsonObject;
}

const llamaFields = {
  block_count: "num_hidden_layers",
  context_length: "max_position_embeddings",
  embedding_length: "hidden_size",
  feed_forward_length: "intermediate_size",
  "attention.head_count": "num_attention_heads",
  "attention.head_count_kv": "num_key_value_heads",
  "attention.key_length": "head_dim",
  "attention.layer_norm_rms_epsilon": "rms_norm_eps",
  "rope.freq_base": "rope_theta",
};

const llamaParts = {
  attn_norm: "input_layernorm",
  ffn_norm: "post_attention_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** LLaMA and its kin, whose rows of queries and keys lie as they do in checkpoints unless said. */
function llamaKin(type: string, layout: GgufArchitecture["layout"]): GgufArchitecture {
  return {
    fields: llamaFields,
    fixed: (has) => ({
      model_type: type,
      hidden_act: "silu",
      tie_word_embeddings: !has("output.weight"),
      attention_bias: has("blk.0.attn_q.bias"),
    }),
    names: { token_embd: "model.embed_tokens", output_norm: "model.norm", output: "lm_head" },
    layer: "model.layers",
    parts: llamaParts,
    layout,
    heads: ["num_attention_heads", "num_key_value_heads"],
  };
}

/**
 * Gemma 3: of six layers one sees all tokens, and its positions alone are scaled. Norms are stored as the
 * factor that they are, 1 more than in checkpoints.
 */
const gemma3: GgufArchitecture = {
  ...llamaKin("gemma3_text", (part) => part.endsWith("norm") ? "one more" : "rows"),
  fixed: (has) => ({
    model_type: "gemma3_text",
    hidden_activation: "gelu_pytorch_tanh",
    tie_word_embeddings: !has("output.weight"),
  }),
  parts: {
    ...llamaParts,
    post_attention_norm: "post_attention_layernorm",
    ffn_norm: "pre_feedforward_layernorm",
    post_ffw_norm: "post_feedforward_layernorm",
  },
  own(value) {
    const [width, heads] = [value("embedding_length"), value("attention.head_count")];
    // llama.cpp tells the model of 27 billion parameters by its layers.
    const isLargest = value("block_count") === 62;
    const scalar = isLargest ? Number(width) / Number(heads) : value("attention.key_length") ?? 256;
    const [base, cap] = [value("rope.freq_base_swa"), value("final_logit_softcapping") ?? 0];
    // Older files have the factor under another name, and no type.
    const factor = value("rope.scaling.factor") ?? value("rope.scale_linear") ?? 0;
    const isScaled = value("rope.scaling.type") !== "none" && factor !== 0 && factor !== 1;
    return {
      ...gemmaWindows(value("attention.sliding_window"), value("attention.sliding_window_pattern")),
      query_pre_attn_scalar: scalar,
      ...(isScaled && { rope_scaling: { rope_type: "linear", factor } }),
      ...(base !== undefined && { rope_local_base_freq: base }),
      ...(cap !== 0 && { final_logit_softcapping: cap }),
    };
  },
};

/** Which layers have windows: none where there is no size, else those of a list or all but each sixth. */
function gemmaWindows(size: GgufValue = 0, pattern?: GgufValue): JsonObject {
  if (size === 0) return { sliding_window_pattern: 1 };
  const types = Array.isArray(pattern)
    ? { layer_types: pattern.map((one) => one ? "sliding_attention" : "full_attention") }
    : pattern !== undefined && { sliding_window_pattern: pattern };
  return { sliding_window: size, ...types };
}

/** Architectures by `general.architecture`. */
const architectures: ReadonlyMap<string, GgufArchitecture> = new Map([
  ["llama", llamaKin("llama", (part) => /^attn_[qk]$/.test(part) ? "rotary rows" : "rows")],
  ["qwen2", llamaKin("qwen2", () => "rows")],
  ["qwen3", llamaKin("qwen3", () => "rows")],
  ["gemma3", gemma3],
  ["gpt2", {
    fields: {
      block_count: "n_layer",
      context_length: "n_positions",
      embedding_length: "n_embd",
      feed_forward_length: "n_inner",
      "attention.head_count": "n_head",
      "attention.layer_norm_epsilon": "layer_norm_epsilon",
    },
    fixed: () => ({ model_type: "gpt2", activation_function: "gelu_new" }),
    names: {
      token_embd: "transformer.wte",
      position_embd: "transformer.wpe",
      output_norm: "transformer.ln_f",
      output: "lm_head",
    },
    layer: "transformer.h",
    parts: {
      attn_norm: "ln_1",
      ffn_norm: "ln_2",
      attn_qkv: "attn.c_attn",
      attn_output: "attn.c_proj",
      ffn_up: "mlp.c_fc",
      ffn_down: "mlp.c_proj",
    },
    layout: (part) => /^(attn_qkv|attn_output|ffn_up|ffn_down)$/.test(part) ? "transposed" : "rows",
    heads: ["n_head", "n_head"],
  }],
]);

/** Tokens that metadata name, by the field of config.json. */
const tokens = {
  "tokenizer.ggml.bos_token_id": "bos_token_id",
  "tokenizer.ggml.eos_token_id": "eos_token_id",
  "tokenizer.ggml.padding_token_id": "pad_token_id",
};

/**
 * What kind of model a file holds.
 *
 * @throws {FileError} If it is one that is not read
 */
export function ggufArchitecture({ metadata }: GgufHeader, path: string): GgufArchitecture {
  const name = metadata.get("general.architecture");
  const found = typeof name === "string" ? architectures.get(name) : undefined;
  if (found !== undefined) return found;
  throw new FileError(
    `Cannot read GGUF as general.architecture requires one of ${
      [...architectures.keys()].join(", ")
    }: ` +
      `found ${String(name)}`,
    path,
  );
}

/**
 * What a model's config.json would say.
 *
 * @throws {FileError} If the file holds a model that is not read, or says too little
 */
export function ggufConfig(header: GgufHeader, path: string): JsonObject {
  const { metadata, tensors } = header;
  const { fields, fixed, own } = ggufArchitecture(header, path);
  const name = String(metadata.get("general.architecture"));
  const value = (key: string) => metadata.get(`${name}.${key}`);
  const window = value("attention.sliding_window") ?? 0;
  // Factors of LLaMA 3 are tensors, of which config.json has the rule; it alone knows windows by layer.
  const isOther = own === undefined
    ? isScaled(metadata, name) || window !== 0
    : ![undefined, "none", "linear"].includes(value("rope.scaling.type") as string | undefined);
  if (isOther || tensors.has("rope_freqs.weight")) {
    throw new FileError(
      "Cannot read GGUF with scaled rotary positions or windows unless the model's config.json lies " +
        "beside it: found none",
      path,
    );
  }
  const config: Record<string, unknown> = { ...fixed((tensor) => tensors.has(tensor)) };
  const put = (field: string, value: GgufValue | undefined) => {
    if (value !== undefined) config[field] = typeof value === "number" ? shortened(value) : value;
  };
  for (const [key, field] of Object.entries(fields)) put(field, value(key));
  Object.assign(config, own?.(value));
  for (const [key, field] of Object.entries(tokens)) put(field, metadata.get(key));
  const rows = tensors.get("token_embd.weight")?.shape[0];
  put("vocab_size", rows);
  return config as JsonObject;
}

/** Whether rotary positions are divided; older files have the factor alone, and mean a linear one. */
function isScaled(metadata: GgufHeader["metadata"], name: string): boolean {
  const [type, ...factors] = ["scaling.type", "scaling.factor", "scale_linear"]
    .map((key) => metadata.get(`${name}.rope.${key}`));
  if (type !== undefined) return type !== "none";
  return factors.some((factor) => factor !== undefined && factor !== 1 && factor !== 0);
}

/** The decimal that was stored in 32 bits: 0.00001 for 0.000009999999747. */
function shortened(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === value ? short : value;
}
