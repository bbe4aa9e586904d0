import { assertEquals, assertThrows } from "@std/assert";
import { FileError } from "../../../core/errors.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { parseConfig } from "../../../nn/models/config.ts";
import type { LlamaConfig } from "../../../nn/models/llama_layers.ts";
import { languageModel } from "../../../nn/models/registry.ts";
import { tinyConfig } from "../../support/tiny_models.ts";

/** The configuration of Phi-2 as its authors published it. */
const published = {
  ...{ model_type: "phi", attention_dropout: 0, bos_token_id: 50256, embd_pdrop: 0 },
  ...{ eos_token_id: 50256, hidden_act: "gelu_new", hidden_size: 2560, initializer_range: 0.02 },
  ...{ intermediate_size: 10240, layer_norm_eps: 1e-5, max_position_embeddings: 2048 },
  ...{ num_attention_heads: 32, num_hidden_layers: 32, num_key_value_heads: 32 },
  ...{ partial_rotary_factor: 0.4, qk_layernorm: false, resid_pdrop: 0.1, rope_scaling: null },
  ...{ rope_theta: 10000, tie_word_embeddings: false, vocab_size: 51200 },
};

/** Pairs of numbers that turn in each head. */
const pairsOf = (config: unknown) => (config as LlamaConfig).rotaries.map(({ pairs }) => pairs);

Deno.test("a published configuration of Phi gives the parameters of its model", () => {
  const config = parseConfig(published);
  const sizes = [...parameters(languageModel(config))].map(([path, { size }]) =>
    [path, size] as const
  );
  assertEquals(sizes.reduce((sum, [, size]) => sum + size, 0), 2_779_683_840);
  const last = [
    "model.final_layernorm.weight",
    "model.final_layernorm.bias",
    "lm_head.weight",
    "lm_head.bias",
  ];
  assertEquals(sizes.slice(-4).map(([path]) => path), last);
  assertEquals(pairsOf(config), [16]);
});

Deno.test("half of each head of Phi turns where no key says how much", () => {
  assertEquals(pairsOf(tinyConfig("phi")), [1]);
  assertEquals(pairsOf(tinyConfig("phi", { partial_rotary_factor: 1 })), [2]);
});

Deno.test("a configuration of Phi that ties its output layer, which has a bias, is refused", () => {
  assertThrows(
    () => tinyConfig("phi", { tie_word_embeddings: true }),
    FileError,
    "tie_word_embeddings of this configuration as one of false is required: found true",
  );
});
