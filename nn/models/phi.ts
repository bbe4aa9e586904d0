/**
 * Phi-1, Phi-1.5 and Phi-2: LLaMA's decoder with layers in which attention and the feed-forward module
 * read the same norm, whose sums join the residual together, and biases everywhere.
 *
 * **Source**: Li et al. 2023, "Textbooks Are All You Need II". Field names are Hugging Face's.
 *
 * @module
 */

import { type RotaryTables, rotate } from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import { activated, type Activation, downProject } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { LayerNorm } from "../layers/norm.ts";
import type { Architecture } from "./architecture.ts";
import type { ConfigFields } from "./config_fields.ts";
import { DecoderClassifier, LanguageModel } from "./decoder.ts";
import { classNamesOf, llamaConfig, LlamaModel, llamaTraits } from "./llama.ts";
import { decoderAttention, DecoderLayer, type LlamaConfig } from "./llama_layers.ts";
import { turnedPairs } from "./long_rope.ts";
import type { ModelConfig } from "./model.ts";
import type { RotarySizes } from "./rope.ts";
import { layerTypes } from "./windows.ts";

class Attention extends Module {
  readonly q_proj: Projection;
  readonly k_proj: Projection;
  readonly v_proj: Projection;
  /** Projection of the joined heads. */
  readonly dense: Projection;
  /** Norms of each head, where there are such. */
  readonly q_layernorm: LayerNorm | undefined;
  readonly k_layernorm: LayerNorm | undefined;
  readonly #settings: AttentionSettings;

  constructor(config: LlamaConfig, layer: number) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize: size, headNorms, epsilon } = config;
    this.q_proj = new Linear(hiddenSize, heads * size);
    this.k_proj = new Linear(hiddenSize, keyValueHeads * size);
    this.v_proj = new Linear(hiddenSize, keyValueHeads * size);
    this.dense = new Linear(heads * size, hiddenSize);
    if (headNorms) {
      this.q_layernorm = new LayerNorm(size, epsilon);
      this.k_layernorm = new LayerNorm(size, epsilon);
    }
    this.#settings = decoderAttention(config, layer);
  }

  /** Attends and adds the residual. */
  forward(x: Tensor, residual: Tensor, rows: RotaryTables, context: ForwardContext): Tensor {
    const { heads, keyValueHeads } = this.#settings;
    const placed = (projection: Projection, count: number, norm: LayerNorm | undefined) => {
      const split = splitHeads(projection.forward(x, context), count);
      return rotate(norm?.forward(split) ?? split, rows);
    };
    const projected = {
      query: placed(this.q_proj, heads, this.q_layernorm),
      key: placed(this.k_proj, keyValueHeads, this.k_layernorm),
      value: splitHeads(this.v_proj.forward(x, context), keyValueHeads),
    };
    return this.dense.forward(attend(projected, this.#settings, context), context, residual);
  }
}

class FeedForward extends Module {
  readonly fc1: Projection;
  readonly fc2: Projection;

  constructor({ hiddenSize, intermediateSize }: LlamaConfig) {
    super();
    this.fc1 = new Linear(hiddenSize, intermediateSize);
    this.fc2 = new Linear(intermediateSize, hiddenSize);
  }
}

class Layer extends DecoderLayer {
  readonly self_attn: Attention;
  readonly mlp: FeedForward;
  readonly input_layernorm: LayerNorm;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: LlamaConfig, layer: number) {
    super();
    this.self_attn = new Attention(config, layer);
    this.mlp = new FeedForward(config);
    this.input_layernorm = new LayerNorm(config.hiddenSize, config.epsilon);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  override forward(x: Tensor, rows: readonly RotaryTables[], context: ForwardContext): Tensor {
    const normed = this.input_layernorm.forward(x);
    const attended = this.self_attn.forward(normed, x, rows[0]!, context);
    const inner = activated(this.#activation, this.mlp.fc1, normed, context);
    return downProject(this.mlp.fc2, inner, attended, context, this.#place);
  }
}

/** `PhiModel`: its last norm has a name of its own. */
class PhiModel extends LlamaModel {
  constructor(config: LlamaConfig) {
    super(config, {
      layer: (own, layer) => new Layer(own, layer),
      norm: (width, epsilon) => new LayerNorm(width, epsilon),
    });
  }

  override *members(): Iterable<[string, Module | Parameter]> {
    for (const [name, member] of super.members()) {
      yield [name === "norm" ? "final_layernorm" : name, member];
    }
  }
}

function configure(fields: ConfigFields, common: ModelConfig): LlamaConfig {
  fields.only("tie_word_embeddings", [false], false);
  fields.only("head_dim", [common.headSize], common.headSize);
  // Known, and of no effect there either.
  layerTypes(fields, common, () => "full_attention");
  const rotary = (sizes: RotarySizes) => ({ rotaries: [plainRotary(fields, sizes)] });
  const config = llamaConfig(fields, common, { biases: [], rotary });
  return { ...config, headNorms: fields.flag("qk_layernorm", false) };
}

/** Rotary positions of the first numbers of each head, as they are. */
function plainRotary(fields: ConfigFields, { headSize }: RotarySizes) {
  const scaling = fields.object("rope_scaling") ?? {};
  const rope = fields.within(Object.keys(scaling).length > 0 ? "rope_scaling" : "rope_parameters");
  rope.only(rope.has("rope_type") ? "rope_type" : "type", ["default"], "default");
  const theta = (rope.has("rope_theta") ? rope : fields).positive("rope_theta", 10000);
  const place = rope.has("partial_rotary_factor") ? rope : fields;
  const pairs = turnedPairs(place, headSize, 0.5);
  return { pairs, frequency: (pair: number) => theta ** (-pair / pairs), factor: 1 };
}

const { prefix, defaults } = llamaTraits;

/** `phi`: classifier and language model. */
export const phi: Architecture<LlamaConfig> = {
  ...llamaTraits,
  name: "phi",
  classNames: classNamesOf("Phi"),
  keys: { ...llamaTraits.keys, epsilon: "layer_norm_eps" },
  defaults: { ...defaults, activation: "gelu_new", epsilon: 1e-5 },
  configure,
  classifier: (config) => new DecoderClassifier(config, prefix, new PhiModel(config)),
  languageModel: (config) =>
    new LanguageModel(config, prefix, new PhiModel(config), { bias: true }),
};
