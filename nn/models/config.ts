/**
 * Model configurations: Hugging Face's config.json, in the spellings of transformers 4 and 5,
 * brought to one form. What would change the architecture and is not implemented is refused.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { Architecture, ConfigKeys } from "./architecture.ts";
import { ConfigFields } from "./config_fields.ts";
import type { ModelConfig } from "./model.ts";
import { architectures } from "./registry.ts";

/** Bounds of what no tensor of a checkpoint bears out before memory is taken for it. */
const bounds = { layers: 2 ** 12, positions: 2 ** 20, labels: 2 ** 16 } as const;

/**
 * Reads a configuration.
 *
 * @param json The parsed JSON
 * @param path Name of the file, for messages
 * @throws {FileError} If a key is missing, malformed or asks for what is not implemented
 */
export function parseConfig(json: unknown, path = "config.json"): ModelConfig {
  if (typeof json !== "object" || json === null) {
    throw new FileError("Cannot read the configuration as an object is required", path);
  }
  const fields = new ConfigFields({ ...json }, path);
  const name = fields.only("model_type", architectures.map(({ name }) => name));
  const architecture = architectures.find((one) => one.name === name)!;
  refuseUnsupported(fields, architecture);
  return architecture.configure(fields, commonConfig(fields, architecture));
}

/** Refuses what would change the numbers and is not implemented. */
function refuseUnsupported(fields: ConfigFields, { causal }: Architecture): void {
  fields.only("position_embedding_type", ["absolute"], "absolute");
  fields.only("reorder_and_upcast_attn", [false], false);
  fields.only("add_cross_attention", [false], false);
  fields.only("is_decoder", causal ? [true, false] : [false], false);
  fields.only("pretraining_tp", [1], 1);
  if (fields.fields["quantization_config"]) {
    fields.fail("quantization_config", "none is supported", "one");
  }
}

/** Spellings of a key: the architecture's own comes first and is the one that is missed. */
function spellings({ keys }: Architecture, name: keyof ConfigKeys): string[] {
  return [...new Set([keys, ...architectures.map(({ keys }) => keys)].map((all) => all[name]))];
}

/** What configurations of all architectures say. */
function commonConfig(fields: ConfigFields, architecture: Architecture): ModelConfig {
  const { defaults, keys, causal } = architecture;
  const spelled = (name: keyof ConfigKeys) => spellings(architecture, name);
  const hiddenSize = fields.size(spelled("hiddenSize"));
  const heads = fields.size(spelled("heads"));
  const headSize = fields.size(["head_dim"], hiddenSize / heads);
  const keyValueHeads = fields.size(["num_key_value_heads"], heads);
  if (heads % keyValueHeads !== 0) {
    fields.fail("num_key_value_heads", `a divisor of ${heads} is required`, keyValueHeads);
  }
  const { intermediateRatio: ratio } = defaults;
  return {
    architecture: architecture.name,
    causal,
    vocabularySize: fields.size(["vocab_size"]),
    hiddenSize,
    layers: fields.size(spelled("layers"), undefined, bounds.layers),
    heads,
    keyValueHeads,
    headSize,
    intermediateSize: fields.size(spelled("intermediateSize"), ratio && ratio * hiddenSize),
    activation: fields.activation(keys.activation, defaults.activation),
    maxPositions: fields.size(spelled("maxPositions"), undefined, bounds.positions),
    epsilon: fields.number(["layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps"], 1e-5),
    padId: fields.id("pad_token_id"),
    bosId: fields.id("bos_token_id"),
    eosIds: fields.ids("eos_token_id"),
    tied: fields.flag("tie_word_embeddings", defaults.tied),
    ...classesOf(fields),
    initializerRange: 0.02,
  };
}

/** The classes of a head, which `id2label` names or `num_labels` counts. */
function classesOf(fields: ConfigFields): Pick<ModelConfig, "labels" | "labelNames"> {
  const named = fields.object("id2label");
  const labels = named === undefined
    ? fields.size(["num_labels"], 2, bounds.labels)
    : Object.keys(named).length;
  if (labels < 1 || labels > bounds.labels) {
    fields.fail("id2label", `1 to ${bounds.labels} classes are required`, labels);
  }
  const names = Array.from({ length: labels }, (_, id) => named?.[id]);
  const labelNames = names.filter((name) => typeof name === "string");
  return { labels, labelNames: labelNames.length === labels ? labelNames : [] };
}
