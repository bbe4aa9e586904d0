/**
 * The config.json of a merged model: the base's, with what the merged weights require.
 *
 * @module
 */

import type { FloatDtype } from "../../nn/formats/safetensors_values.ts";
import { architectureOf } from "../../nn/models/registry.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import { isRecord, type JsonObject } from "../../nn/formats/json_record.ts";

/** Which of its two models an architecture is used as. */
export interface ModelKind {
  /** Whether it classifies; it predicts tokens otherwise. */
  readonly classifies: boolean;
  /** Classes, where the adapter says it; 1 for regression. */
  readonly labels?: number;
}

/** What the merged weights require. */
export interface MergedFacts extends ModelKind {
  /** Names of the classes in their order, where they are known; empty for regression. */
  readonly names?: readonly string[] | undefined;
  /** Type of all weights, where it is not the base's. */
  readonly dtype?: FloatDtype | undefined;
  /** Whether the output layer has a weight of its own. */
  readonly untied: boolean;
}

const dtypeNames: Readonly<Record<FloatDtype, string>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** The base's config.json with what the merged weights require. */
export function mergedConfig(base: JsonObject, config: ModelConfig, facts: MergedFacts): string {
  const { classifies, labels = config.labels, names, dtype, untied } = facts;
  const { classNames } = architectureOf(config);
  const fields: Record<string, unknown> = {
    ...base,
    architectures: [classifies ? classNames.classifier : classNames.languageModel],
  };
  if (classifies) {
    const own = isRecord(base["id2label"]) ? Object.values(base["id2label"]) : [];
    const known = [names ?? [], own].find(({ length }) => length === labels) ??
      Array.from({ length: labels }, (_, i) => `LABEL_${i}`);
    fields["id2label"] = Object.fromEntries(known.map((name, i) => [i, name]));
    fields["label2id"] = Object.fromEntries(known.map((name, i) => [name, i]));
    delete fields["num_labels"];
    if (names !== undefined) {
      fields["problem_type"] = names.length === 0 ? "regression" : "single_label_classification";
    }
  }
  if (untied) fields["tie_word_embeddings"] = false;
  if (dtype !== undefined) {
    fields["torch_dtype" in base ? "torch_dtype" : "dtype"] = dtypeNames[dtype];
  }
  return `${JSON.stringify(fields, null, 2)}\n`;
}
