// Configurations as published checkpoints have them, with the keys that change nothing here.
import { assertEquals } from "@std/assert";
import { parseConfig } from "../../../nn/models/config.ts";
import type { LlamaConfig } from "../../../nn/models/llama_layers.ts";

const usual = {
  attention_dropout: 0.0,
  hidden_act: "silu",
  initializer_range: 0.02,
  transformers_version: "4.51.0",
  torch_dtype: "bfloat16",
  use_cache: true,
};
const llama = { ...usual, architectures: ["LlamaForCausalLM"], model_type: "llama" };
const qwen = { ...usual, bos_token_id: 151643, max_window_layers: 28, use_sliding_window: false };
const mistral = {
  ...usual,
  model_type: "mistral",
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
};

/** Sizes, tied, end tokens, windows, theta by the second frequency, and layers without positions. */
const published: Record<string, [Record<string, unknown>, unknown[]]> = {
  "Llama 3.2 1B": [{
    ...llama,
    attention_bias: false,
    bos_token_id: 128000,
    eos_token_id: [128001, 128008, 128009],
    head_dim: 64,
    hidden_size: 2048,
    intermediate_size: 8192,
    max_position_embeddings: 131072,
    mlp_bias: false,
    num_attention_heads: 32,
    num_hidden_layers: 16,
    num_key_value_heads: 8,
    pretraining_tp: 1,
    rms_norm_eps: 1e-5,
    rope_scaling: {
      factor: 32.0,
      high_freq_factor: 4.0,
      low_freq_factor: 1.0,
      original_max_position_embeddings: 8192,
      rope_type: "llama3",
    },
    rope_theta: 500000.0,
    tie_word_embeddings: true,
    vocab_size: 128256,
  }, [64, 8, true, [128001, 128008, 128009], undefined, 500000, 0]],
  "Qwen2.5 0.5B": [{
    ...qwen,
    architectures: ["Qwen2ForCausalLM"],
    model_type: "qwen2",
    eos_token_id: 151643,
    hidden_size: 896,
    intermediate_size: 4864,
    max_position_embeddings: 32768,
    max_window_layers: 24,
    num_attention_heads: 14,
    num_hidden_layers: 24,
    num_key_value_heads: 2,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000.0,
    sliding_window: 32768,
    tie_word_embeddings: true,
    use_mrope: false,
    vocab_size: 151936,
  }, [64, 2, true, [151643], [], 1e6, 0]],
  "Qwen3 0.6B": [{
    ...qwen,
    architectures: ["Qwen3ForCausalLM"],
    model_type: "qwen3",
    attention_bias: false,
    eos_token_id: 151645,
    head_dim: 128,
    hidden_size: 1024,
    intermediate_size: 3072,
    max_position_embeddings: 40960,
    num_attention_heads: 16,
    num_hidden_layers: 28,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-6,
    rope_scaling: null,
    rope_theta: 1000000,
    sliding_window: null,
    tie_word_embeddings: true,
    vocab_size: 151936,
  }, [128, 8, true, [151645], [], 1e6, 0]],
  "SmolLM3 3B": [{
    ...usual,
    architectures: ["SmolLM3ForCausalLM"],
    model_type: "smollm3",
    attention_bias: false,
    bos_token_id: null,
    eos_token_id: 128012,
    hidden_size: 2048,
    intermediate_size: 11008,
    layer_types: new Array<string>(36).fill("full_attention"),
    max_position_embeddings: 65536,
    max_window_layers: 28,
    mlp_bias: false,
    no_rope_layer_interval: 4,
    no_rope_layers: Array.from({ length: 36 }, (_, i) => (i + 1) % 4 === 0 ? 0 : 1),
    num_attention_heads: 16,
    num_hidden_layers: 36,
    num_key_value_heads: 4,
    pad_token_id: 128004,
    // How training was split, which changes no number.
    pretraining_tp: 2,
    rms_norm_eps: 1e-6,
    rope_scaling: null,
    rope_theta: 5000000.0,
    sliding_window: null,
    use_sliding_window: false,
    vocab_size: 128256,
  }, [128, 4, true, [128012], [], 5e6, 9]],
  "Mistral 7B v0.1": [
    { ...mistral, rope_theta: 10000.0, sliding_window: 4096, vocab_size: 32000 },
    [128, 8, false, [2], [4096], 1e4, 0],
  ],
  "Mistral 7B v0.3": [
    { ...mistral, rope_theta: 1000000.0, sliding_window: null, vocab_size: 32768 },
    [128, 8, false, [2], [], 1e6, 0],
  ],
};

for (const [name, [json, expected]] of Object.entries(published)) {
  Deno.test(`the configuration of ${name} means what its authors wrote`, () => {
    const config = parseConfig(json) as LlamaConfig;
    const { headSize, keyValueHeads, tied, eosIds, windows, rotaries, layerKinds } = config;
    const theta = Math.round(rotaries[0]!.frequency(1) ** (-headSize / 2));
    const placeless = layerKinds.filter(({ rotary }) => rotary === undefined).length;
    assertEquals([headSize, keyValueHeads, tied, eosIds, windows, theta, placeless], expected);
  });
}
