/**
 * Gemma 3 for text: LLaMA's decoder with a norm on both sides of attention and feed-forward module,
 * five layers with a window to one without, and positions of their own for each.
 *
 * **Source**: Gemma Team 2025, "Gemma 3 Technical Report".
 *
 * @module
 */

import { add } from "../../core/ops/elementwise.ts";
import { rmsNorm } from "../../core/ops/norm.ts";
import type { RotaryTables } from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { type Activation, dropOutput } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Module, Parameter } from "../layers/module.ts";
import type { Norm } from "../layers/norm.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import { DecoderClassifier, LanguageModel } from "./decoder.ts";
import { llamaConfig, LlamaModel, llamaTraits } from "./llama.ts";
import {
  DecoderLayer,
  LlamaAttention,
  type LlamaConfig,
  LlamaFeedForward,
  type LlamaParts,
} from "./llama_layers.ts";
import type { ModelConfig } from "./model.ts";
import { layersOfTwoKinds } from "./windows.ts";

/** Root-mean-square normalisation whose factor is 1 more than its weight. */
class CenteredNorm extends Module implements Norm {
  readonly weight: Parameter;

  constructor(width: number, readonly epsilon: number) {
    super();
    this.weight = new Parameter([width]);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, add(this.weight.value, 1), this.epsilon);
  }
}

const norm: LlamaParts["norm"] = (width, epsilon) => new CenteredNorm(width, epsilon);

class Layer extends DecoderLayer {
  readonly self_attn: LlamaAttention;
  readonly mlp: LlamaFeedForward;
  readonly input_layernorm: Norm;
  readonly post_attention_layernorm: Norm;
  readonly pre_feedforward_layernorm: Norm;
  readonly post_feedforward_layernorm: Norm;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: LlamaConfig, layer: number) {
    super();
    const own = () => norm(config.hiddenSize, config.epsilon);
    this.self_attn = new LlamaAttention(config, layer, norm);
    this.mlp = new LlamaFeedForward(config);
    this.input_layernorm = own();
    this.post_attention_layernorm = own();
    this.pre_feedforward_layernorm = own();
    this.post_feedforward_layernorm = own();
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  override forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor {
    const normed = this.input_layernorm.forward(x);
    const attended = this.self_attn.forward(normed, undefined, rows, context);
    const middle = add(x, this.post_attention_layernorm.forward(attended));
    const entering = this.pre_feedforward_layernorm.forward(middle);
    const inner = this.mlp.inner(entering, this.#activation, context);
    const project = (inner: Tensor) =>
      this.post_feedforward_layernorm.forward(this.mlp.down_proj.forward(inner, context));
    return add(middle, dropOutput(project, inner, context, this.#place));
  }
}

const { prefix } = llamaTraits;

const body = (config: LlamaConfig) =>
  new LlamaModel(config, {
    layer: (own, layer) => new Layer(own, layer),
    norm,
    embeddingFactor: Math.sqrt(config.hiddenSize),
  });

function configure(fields: ConfigFields, common: ModelConfig): LlamaConfig {
  for (const key of ["attn_logit_softcapping", "final_logit_softcapping"]) fields.none(key);
  fields.only("use_bidirectional_attention", [false], false);
  const defaults = { headSize: 256, keyValueHeads: 4, biases: ["attention_bias"] } as const;
  const config = llamaConfig(fields, common, defaults);
  const pattern = ["sliding_window_pattern", "_sliding_window_pattern"];
  if (fields.fields["sliding_window"] === null) {
    fields.fail("sliding_window", "a number of tokens is required", null);
  }
  const scalar = fields.positive("query_pre_attn_scalar", 256);
  const kinds = layersOfTwoKinds(fields, config, {
    window: fields.size(["sliding_window"], 4096),
    isFull: (layer) => (layer + 1) % fields.size(pattern, 6) === 0,
    thetas: { full: ["rope_theta", 1e6], local: ["rope_local_base_freq", 1e4] },
    scaled: ["full_attention"],
  });
  return { ...config, ...kinds, headNorms: true, scoreScale: 1 / Math.sqrt(scalar) };
}

/** `gemma3_text`: classifier and language model. */
export const gemma3: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "gemma3_text",
  classNames: {
    classifier: "Gemma3TextForSequenceClassification",
    languageModel: "Gemma3ForCausalLM",
  },
  keys: { ...llamaTraits.keys, activation: "hidden_activation" },
  defaults: {
    ...llamaTraits.defaults,
    ...{ activation: "gelu_new", tied: true, padId: 0, bosId: 2, eosId: 1 },
  },
  configure,
  classifier: (config) => new DecoderClassifier(config, prefix, body(config)),
  languageModel: (config) => new LanguageModel(config, prefix, body(config)),
};
