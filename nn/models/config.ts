/**
 * Model configurations: Hugging Face's config.json, in the spellings of transformers 4 and 5,
 * brought to one form. What would change the architecture and is not implemented is refused.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { Architecture } from "./architecture.ts";
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
  for (const key of ["quantization_config", "per_layer_config"]) fields.none(key);
  if (architecture.causal) fields.only("is_causal", [true], true);
  return architecture.configure(fields, commonConfig(fields, architecture));
}

/**
 * A configuration whose texts end where generation_config.json says, as in transformers: chat models
 * name the ends of turns there alone.
 *
 * @param json The parsed JSON; where it names no `eos_token_id`, config.json counts
 * @param path Name of the file, for messages
 * @throws {FileError} If it is no object, or the tokens no numbers
 */
export function withGenerationConfig(
  config: ModelConfig,
  json: unknown,
  path = "generation_config.json",
): ModelConfig {
  if (typeof json !== "object" || json === null) {
    throw new FileError("Cannot read the configuration as an object is required", path);
  }
  const fields = new ConfigFields({ ...json }, path);
  return { ...config, eosIds: fields.ids("eos_token_id", config.eosIds) };
}

/** What configurations of all architectures say. */
function commonConfig(fields: ConfigFields, architecture: Architecture): ModelConfig {
  const { defaults, keys, causal } = architecture;
  const hiddenSize = fields.size(keys.hiddenSize);
  const heads = fields.size(keys.heads);
  if (hiddenSize % heads !== 0) {
    const width = `${fields.keyOf(keys.hiddenSize)} ${hiddenSize}`;
    fields.fail(fields.keyOf(keys.heads), `a divisor of ${width} is required`, heads);
  }
  const vocabularySize = fields.size(["vocab_size"]);
  // A default that is no token here is of another vocabulary: the tokenizer knows better.
  const usual = (id?: number) => id !== undefined && id < vocabularySize ? [id] : [];
  const { intermediateRatio: ratio } = defaults;
  return {
    architecture: architecture.name,
    causal,
    vocabularySize,
    hiddenSize,
    layers: fields.size(keys.layers, undefined, bounds.layers),
    heads,
    keyValueHeads: heads,
    headSize: hiddenSize / heads,
    intermediateSize: fields.size(keys.intermediateSize, ratio && ratio * hiddenSize),
    activation: fields.activation(keys.activation, defaults.activation),
    maxPositions: fields.size(keys.maxPositions, undefined, bounds.positions),
    epsilon: fields.notNegative(keys.epsilon, defaults.epsilon),
    padId: fields.id("pad_token_id", usual(defaults.padId)),
    bosId: fields.id("bos_token_id", usual(defaults.bosId)),
    eosIds: fields.ids("eos_token_id", usual(defaults.eosId)),
    tied: fields.flag("tie_word_embeddings", defaults.tied),
    ...classesOf(fields),
    initializerRange: fields.notNegative("initializer_range", 0.02),
  };
}

/** The classes of a head, which `num_labels` counts or `id2label` names. */
function classesOf(fields: ConfigFields): Pick<ModelConfig, "labels" | "labelNames"> {
  const named = fields.object("id2label");
  const count = named === undefined ? 2 : Object.keys(named).length;
  if (count < 1 || count > bounds.labels) {
    fields.fail("id2label", `1 to ${bounds.labels} classes are required`, count);
  }
  const labels = fields.size(["num_labels"], count, bounds.labels);
  if (labels === 1 && fields.fields["problem_type"] === "single_label_classification") {
    fields.fail(
      "problem_type",
      "regression is required of one class",
      fields.fields["problem_type"],
    );
  }
  const names = Array.from({ length: labels }, (_, id) => named?.[id]);
  const labelNames = names.filter((name) => typeof name === "string");
  return { labels, labelNames: labelNames.length === labels ? labelNames : [] };
}
