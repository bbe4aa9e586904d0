/**
 * LLaMA's decoder.
 *
 * **Source**: Touvron et al. 2023. Field names are Hugging Face's.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { rotaryRows, type RotaryTables, rotaryTables, rotate } from "../../core/ops/rotary.ts";
import type { Tensor } from "../../core/tensor.ts";
import { addEmbeddingNoise } from "../dropout/embedding_noise.ts";
import { type LayerPlace, layerPlace } from "../dropout/site.ts";
import { attend, type AttentionSettings, splitHeads } from "../layers/attention.ts";
import { type Activation, downProject, gated } from "../layers/feed_forward.ts";
import type { ForwardContext } from "../layers/forward_context.ts";
import { Embedding, Linear, type Projection } from "../layers/linear.ts";
import { Module, type Parameter } from "../layers/module.ts";
import { RmsNorm } from "../layers/norm.ts";
import { runLayers } from "../layers/stack.ts";
import { type Architecture, usualKeys } from "./architecture.ts";
import { type ConfigFields, requireToken } from "./config_fields.ts";
import { DecoderBody, DecoderClassifier, LanguageModel } from "./decoder.ts";
import type { ModelConfig } from "./model.ts";

/** Keys that configurations of LLaMA and its kin have. */
export interface LlamaConfig extends ModelConfig {
  /** Base of the rotary angles. */
  readonly ropeTheta: number;
  /** Whether query, key, value and output projections have biases. */
  readonly attentionBias: boolean;
  /** Whether the feed-forward layers have biases. */
  readonly mlpBias: boolean;
}

class Attention extends Module {
  readonly q_proj: Projection;
  readonly k_proj: Projection;
  readonly v_proj: Projection;
  readonly o_proj: Projection;
  readonly #settings: AttentionSettings;

  constructor(config: LlamaConfig, layer: number) {
    super();
    const { hiddenSize, heads, keyValueHeads, headSize: size, attentionBias: bias } = config;
    this.q_proj = new Linear(hiddenSize, heads * size, { bias });
    this.k_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.v_proj = new Linear(hiddenSize, keyValueHeads * size, { bias });
    this.o_proj = new Linear(heads * size, hiddenSize, { bias });
    const { maxPositions: maximum, causal } = config;
    const place = layerPlace(layer, config.layers);
    this.#settings = { heads, keyValueHeads, size, maximum, place, causal };
  }

  /** Attends and adds the residual. */
  forward(x: Tensor, residual: Tensor, rows: RotaryTables, context: ForwardContext): Tensor {
    const { heads, keyValueHeads } = this.#settings;
    const q = rotate(splitHeads(this.q_proj.forward(x, context), heads), rows);
    const k = rotate(splitHeads(this.k_proj.forward(x, context), keyValueHeads), rows);
    const v = splitHeads(this.v_proj.forward(x, context), keyValueHeads);
    return this.o_proj.forward(
      attend({ query: q, key: k, value: v }, this.#settings, context),
      context,
      residual,
    );
  }
}

class FeedForward extends Module {
  readonly gate_proj: Projection;
  readonly up_proj: Projection;
  readonly down_proj: Projection;

  constructor({ hiddenSize, intermediateSize, mlpBias: bias }: LlamaConfig) {
    super();
    this.gate_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.up_proj = new Linear(hiddenSize, intermediateSize, { bias });
    this.down_proj = new Linear(intermediateSize, hiddenSize, { bias });
  }
}

class Layer extends Module {
  readonly self_attn: Attention;
  readonly mlp: FeedForward;
  readonly input_layernorm: RmsNorm;
  readonly post_attention_layernorm: RmsNorm;
  readonly #activation: Activation;
  readonly #place: LayerPlace;

  constructor(config: LlamaConfig, layer: number) {
    super();
    this.self_attn = new Attention(config, layer);
    this.mlp = new FeedForward(config);
    this.input_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.post_attention_layernorm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#activation = config.activation;
    this.#place = layerPlace(layer, config.layers);
  }

  forward(x: Tensor, rows: RotaryTables, context: ForwardContext): Tensor {
    const { gate_proj, up_proj, down_proj } = this.mlp;
    const attended = this.self_attn.forward(this.input_layernorm.forward(x), x, rows, context);
    const normed = this.post_attention_layernorm.forward(attended);
    const gate = gate_proj.forward(normed, context);
    const inner = gated(this.#activation, gate, up_proj, normed, context);
    return downProject(down_proj, inner, attended, context, this.#place);
  }
}

/** `LlamaModel`: the decoder of LLaMA and its kin. */
export class LlamaModel extends DecoderBody {
  /** Token embedding, `[vocabulary, width]`. */
  readonly embed_tokens: Embedding;
  /** The layers, in their order. */
  readonly layers: readonly Layer[];
  /** Norm of the last layer's hidden states. */
  readonly norm: RmsNorm;
  readonly #config: LlamaConfig;
  #tables: RotaryTables | undefined;

  /** Makes the model without numbers. */
  constructor(config: LlamaConfig) {
    super();
    this.embed_tokens = new Embedding(config.vocabularySize, config.hiddenSize);
    this.layers = Array.from({ length: config.layers }, (_, i) => new Layer(config, i));
    this.norm = new RmsNorm(config.hiddenSize, config.epsilon);
    this.#config = config;
  }

  /** Token embedding, `[vocabulary, width]`. */
  override get embedding(): Parameter {
    return this.embed_tokens.weight;
  }

  /** Computes the rotary tables; the caller's scope owns them. */
  override prepare(device: Device): void {
    const { maxPositions, headSize, ropeTheta } = this.#config;
    this.#tables = rotaryTables(device, maxPositions, headSize, ropeTheta);
  }

  /** Normalised hidden states, `[batch, tokens, width]`. */
  override forward(context: ForwardContext): Tensor {
    const { ids, positions } = context.batch;
    const shared = () => {
      const { cosine, sine } = rotaryRows(this.#tables!, positions);
      return [cosine, sine] as const;
    };
    const last = runLayers(
      this.layers,
      () => addEmbeddingNoise(this.embed_tokens.forward(ids), context.dropout),
      context,
      (layer, x, inner, [cosine, sine]) => layer.forward(x, { cosine, sine }, inner),
      { shared },
    );
    const hidden = this.norm.forward(last);
    context.trace?.push(hidden);
    return hidden;
  }
}

/**
 * The base of the rotary angles. A `rope_scaling` that says anything stands for the `rope_parameters`;
 * `rope_theta` counts where that object has none.
 */
function ropeTheta(fields: ConfigFields): number {
  const scaling = fields.object("rope_scaling") ?? {};
  const key = Object.keys(scaling).length > 0 ? "rope_scaling" : "rope_parameters";
  const rope = fields.object(key) ?? {};
  const { rope_type = rope["type"] ?? "default", rope_theta } = rope;
  if (rope_type !== "default") fields.fail(`${key}.rope_type`, "default is required", rope_type);
  const within = rope_theta !== undefined;
  const found = within ? rope_theta : fields.number("rope_theta", 10000);
  if (typeof found === "number" && found > 0 && Number.isFinite(found)) return found;
  return fields.fail(
    within ? `${key}.rope_theta` : "rope_theta",
    "a positive number is required",
    found,
  );
}

/**
 * Reads LLaMA's own keys.
 *
 * @throws {FileError} If one does not fit, or positions are scaled, which is not implemented
 */
export function llamaConfig(fields: ConfigFields, common: ModelConfig): LlamaConfig {
  fields.only("pretraining_tp", [1], 1);
  requireToken(fields, common);
  const { heads } = common;
  const headSize = fields.size(["head_dim"], common.headSize);
  if (headSize % 2 !== 0) fields.fail("head_dim", "an even number is required", headSize);
  const keyValueHeads = fields.size(["num_key_value_heads"], heads);
  if (heads % keyValueHeads !== 0) {
    fields.fail("num_key_value_heads", `a divisor of ${heads} is required`, keyValueHeads);
  }
  return {
    ...common,
    headSize,
    keyValueHeads,
    ropeTheta: ropeTheta(fields),
    attentionBias: fields.flag("attention_bias", false),
    mlpBias: fields.flag("mlp_bias", false),
  };
}

const prefix = "model";

/** `llama`: classifier and language model. */
export const llama: Architecture<LlamaConfig> = {
  name: "llama",
  causal: true,
  prefix,
  classNames: { classifier: "LlamaForSequenceClassification", languageModel: "LlamaForCausalLM" },
  targets: ["q_proj", "v_proj"],
  buffers: /rotary_emb\.inv_freq$/,
  keys: { ...usualKeys, epsilon: "rms_norm_eps" },
  defaults: { activation: "silu", tied: false, epsilon: 1e-6, bosId: 1, eosId: 2 },
  configure: llamaConfig,
  classifier: (config) => new DecoderClassifier(config, prefix, new LlamaModel(config)),
  languageModel: (config) => new LanguageModel(config, prefix, new LlamaModel(config)),
};
