/**
 * Model configurations: Hugging Face's config.json, in the spellings of transformers 4 and 5,
 * brought to one form. What would change the architecture and is not implemented is refused.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";

/** Architectures that are implemented. */
export const architectures = ["bert", "roberta", "gpt2", "llama"] as const;
/** Value of `model_type`. */
export type Architecture = typeof architectures[number];
/** Activation of the feed-forward module. */
export type Activation = "gelu" | "gelu_new" | "silu" | "relu";

/** What a model is, apart from its numbers. */
export interface ModelConfig {
  /** Family. */
  readonly architecture: Architecture;
  /** Rows of the token embedding. */
  readonly vocabularySize: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Layers. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Key and value heads. */
  readonly keyValueHeads: number;
  /** Width of a head. */
  readonly headSize: number;
  /** Width inside the feed-forward module. */
  readonly intermediateSize: number;
  /** Activation inside the feed-forward module. */
  readonly activation: Activation;
  /** Longest sequence, in tokens. */
  readonly maxPositions: number;
  /** Segments (BERT 2, RoBERTa 1). */
  readonly typeVocabularySize: number;
  /** Summand of the norms. */
  readonly epsilon: number;
  /** Padding token, where the model has one. */
  readonly padId: number | undefined;
  /** Token that begins a text. */
  readonly bosId: number | undefined;
  /** Tokens that end a text. */
  readonly eosIds: readonly number[];
  /** Whether the output layer is the token embedding. */
  readonly tied: boolean;
  /** Base of the rotary angles. */
  readonly ropeTheta: number;
  /** Whether query, key, value and output projections of LLaMA have biases. */
  readonly attentionBias: boolean;
  /** Whether the feed-forward layers of LLaMA have biases. */
  readonly mlpBias: boolean;
  /** Whether GPT-2 divides scores by √size. */
  readonly scaleScores: boolean;
  /** Whether GPT-2 divides scores by the number of the layer, from 1. */
  readonly scaleByLayer: boolean;
  /** Classes of a classification head; 1 for regression. */
  readonly labels: number;
  /** Names of the classes, where the configuration has them. */
  readonly labelNames: readonly string[];
  /** Deviation of new weights. */
  readonly initializerRange: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads typed fields of one file and says which key is wrong. */
class Reader {
  constructor(readonly fields: Fields, readonly path: string) {}

  fail(key: string, required: string, found: unknown): never {
    const verdict = found === undefined ? "it is missing" : `found ${excerpt(found)}`;
    throw new FileError(
      `Cannot use ${key} of this configuration as ${required}: ${verdict}`,
      this.path,
    );
  }

  number(keys: readonly string[], fallback?: number): number {
    for (const key of keys) {
      const value = this.fields[key];
      if (value === undefined || value === null) continue;
      if (typeof value !== "number" || !Number.isFinite(value)) {
        this.fail(key, "a number is required", value);
      }
      return value;
    }
    return fallback ?? this.fail(keys[0]!, "a number is required", undefined);
  }

  size(keys: readonly string[], fallback?: number, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.number(keys, fallback);
    if (!Number.isSafeInteger(value) || value < 1) {
      this.fail(keys[0]!, "a positive integer is required", value);
    }
    if (value > most) this.fail(keys[0]!, `at most ${most} is supported`, value);
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.fields[key] ?? fallback;
    if (typeof value !== "boolean") this.fail(key, "true or false is required", value);
    return value;
  }

  id(key: string): number | undefined {
    return this.ids(key)[0];
  }

  ids(key: string): number[] {
    const value = this.fields[key] ?? [];
    const list = Array.isArray(value) ? value : [value];
    if (!list.every((id) => Number.isSafeInteger(id))) {
      this.fail(key, "token numbers are required", value);
    }
    return list as number[];
  }

  only<T>(key: string, allowed: readonly T[], fallback: T): T {
    const value = (this.fields[key] ?? fallback) as T;
    if (!allowed.includes(value)) this.fail(key, `one of ${allowed.join(", ")} is required`, value);
    return value;
  }
}

/** Bounds of what no tensor of a checkpoint bears out before memory is taken for it. */
const bounds = { layers: 2 ** 12, positions: 2 ** 20, labels: 2 ** 16 } as const;

/**
 * Reads a configuration.
 *
 * @param fields The parsed JSON
 * @param path Name of the file, for messages
 * @throws {FileError} If a key is missing, malformed or asks for what is not implemented
 */
export function parseConfig(fields: unknown, path = "config.json"): ModelConfig {
  if (typeof fields !== "object" || fields === null) {
    throw new FileError("Cannot read the configuration as an object is required", path);
  }
  const r = new Reader(fields as Fields, path);
  const architecture = r.only("model_type", architectures, undefined as unknown as Architecture);
  const decoder = architecture === "gpt2" || architecture === "llama";
  // Either spelling is read; the architecture's own comes first and is the one that is missed.
  const either = (gpt2: string, other: string) =>
    architecture === "gpt2" ? [gpt2, other] : [other, gpt2];
  const hiddenSize = r.size(either("n_embd", "hidden_size"));
  const heads = r.size(either("n_head", "num_attention_heads"));
  const headSize = r.size(["head_dim"], hiddenSize / heads);
  const keyValueHeads = r.size(["num_key_value_heads"], heads);
  if (heads % keyValueHeads !== 0) {
    r.fail("num_key_value_heads", `a divisor of ${heads} is required`, keyValueHeads);
  }
  r.only("position_embedding_type", ["absolute"], "absolute");
  r.only("reorder_and_upcast_attn", [false], false);
  r.only("add_cross_attention", [false], false);
  r.only("is_decoder", decoder ? [true, false] : [false], false);
  r.only("pretraining_tp", [1], 1);
  if (r.fields["quantization_config"]) r.fail("quantization_config", "none is supported", "one");
  const labelled = r.fields["id2label"];
  const named = typeof labelled === "object" && labelled !== null ? labelled as Fields : undefined;
  const labels = named === undefined
    ? r.size(["num_labels"], 2, bounds.labels)
    : Object.keys(named).length;
  if (labels < 1 || labels > bounds.labels) {
    r.fail("id2label", `1 to ${bounds.labels} classes are required`, labels);
  }
  const names = Array.from({ length: labels }, (_, id) => named?.[id]);
  const labelNames = names.filter((name) => typeof name === "string");
  const rows = r.size(
    either("n_positions", "max_position_embeddings"),
    undefined,
    bounds.positions,
  );
  const maxPositions = rows - (architecture === "roberta" ? robertaOffset(r) : 0);
  if (maxPositions < 1) {
    r.fail("pad_token_id", "it must be below max_position_embeddings", r.id("pad_token_id"));
  }
  return {
    architecture,
    vocabularySize: r.size(["vocab_size"]),
    hiddenSize,
    layers: r.size(either("n_layer", "num_hidden_layers"), undefined, bounds.layers),
    heads,
    keyValueHeads,
    headSize,
    intermediateSize: r.size(
      either("n_inner", "intermediate_size"),
      architecture === "gpt2" ? 4 * hiddenSize : undefined,
    ),
    activation: activationOf(r, architecture),
    maxPositions,
    typeVocabularySize: decoder ? 1 : r.size(["type_vocab_size"], 2),
    epsilon: r.number(["layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps"], 1e-5),
    padId: r.id("pad_token_id"),
    bosId: r.id("bos_token_id"),
    eosIds: r.ids("eos_token_id"),
    tied: r.flag("tie_word_embeddings", architecture !== "llama"),
    ropeTheta: ropeTheta(r),
    attentionBias: r.flag("attention_bias", false),
    mlpBias: r.flag("mlp_bias", false),
    scaleScores: r.flag("scale_attn_weights", true),
    scaleByLayer: r.flag("scale_attn_by_inverse_layer_idx", false),
    labels,
    labelNames: labelNames.length === labels ? labelNames : [],
    initializerRange: 0.02,
  };
}

function activationOf(r: Reader, architecture: Architecture): Activation {
  const key = architecture === "gpt2" ? "activation_function" : "hidden_act";
  const usual = ({ gpt2: "gelu_new", llama: "silu", bert: "gelu", roberta: "gelu" } as const)[
    architecture
  ];
  const names = ["gelu", "gelu_new", "gelu_pytorch_tanh", "silu", "swish", "relu"] as const;
  const found = r.only<typeof names[number]>(key, names, usual);
  if (found === "swish") return "silu";
  return found === "gelu_pytorch_tanh" ? "gelu_new" : found;
}

/** RoBERTa's positions start after the padding token's number. */
function robertaOffset(r: Reader): number {
  const pad = r.id("pad_token_id") ?? 1;
  return pad < 0 ? r.fail("pad_token_id", "a token number is required", pad) : pad + 1;
}

function ropeTheta(r: Reader): number {
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const value = r.fields[key];
    if (typeof value !== "object" || value === null) continue;
    const { rope_type, type, rope_theta } = value as Fields;
    const kind = rope_type ?? type ?? "default";
    if (kind !== "default") r.fail(`${key}.rope_type`, "default is required", kind);
    if (typeof rope_theta === "number") return rope_theta;
  }
  return r.number(["rope_theta"], 10000);
}
