/**
 * The model card of an adapter folder: what the Hub reads at the top, and what a person wants to
 * know.
 *
 * @module
 */

import type { AdapterConfig } from "../../nn/formats/peft_config.ts";
import type { TrainConfig } from "../config/config.ts";
import { hubMetricNames } from "../metrics/metric_table.ts";
import type { Metrics, Task } from "../tasks/task.ts";

/** An evaluation, as a card has it. */
export interface CardEvaluation {
  /** Metrics on the development set. */
  readonly metrics: Metrics;
  /** Optimiser steps done before it. */
  readonly step: number;
}

/**
 * Writes the card.
 *
 * @param task Its name, and the classes of the head
 * @param evaluation Evaluation of this adapter, where there was one
 */
export function modelCard(
  adapter: AdapterConfig,
  { out: _, ...config }: TrainConfig,
  task: Pick<Task, "name" | "labels">,
  evaluation?: CardEvaluation,
): string {
  const { name, labels } = task;
  const base = adapter.baseModel ?? config.model;
  const revision = adapter.baseModel === undefined ? undefined : adapter.revision;
  const classifies = labels > 0;
  const hubNames = Object.keys(evaluation?.metrics ?? {}).flatMap((name) =>
    hubMetricNames.get(name) ?? []
  );
  const list = (key: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${key}:`, ...items.map((item) => `- ${JSON.stringify(item)}`)];
  const autoClass = `AutoModelFor${classifies ? "SequenceClassification" : "CausalLM"}`;
  const options = [
    JSON.stringify(base),
    ...(revision === undefined ? [] : [`revision=${JSON.stringify(revision)}`]),
    ...(classifies ? [`num_labels=${labels}`] : []),
  ];
  return [
    "---",
    `base_model: ${JSON.stringify(base)}`,
    "library_name: peft",
    `pipeline_tag: ${classifies ? "text-classification" : "text-generation"}`,
    ...list("tags", [`base_model:adapter:${base}`, "hiddenkey", "lora", "transformers"]),
    ...list("metrics", hubNames),
    "---",
    "",
    `# LoRA for ${name}, trained with ${config.method}`,
    "",
    `A LoRA adapter of \`${base}\` for ${name}, trained with the method \`${config.method}\` of the`,
    "[HiddenKey](https://arxiv.org/abs/2403.00812) framework.",
    "",
    "## Use",
    "",
    "```python",
    "from peft import PeftModel",
    `from transformers import ${autoClass}`,
    "",
    `base = ${autoClass}.from_pretrained(${options.join(", ")})`,
    'model = PeftModel.from_pretrained(base, "PATH OF THIS FOLDER")',
    "```",
    "",
    ...evaluationSection(evaluation),
    "## Training",
    "",
    "`deno task train --config FILE --out DIR` repeats the run, where FILE holds:",
    "",
    "```json",
    JSON.stringify(config, null, 2),
    "```",
    "",
  ].join("\n");
}

function evaluationSection({ metrics, step }: CardEvaluation = { metrics: {}, step: 0 }): string[] {
  const rows = Object.entries(metrics).map(([name, value]) => `| ${name} | ${value.toFixed(4)} |`);
  if (rows.length === 0) return [];
  const head = [`On the development set, after step ${step}:`, "", "| figure | value |"];
  return ["## Evaluation", "", ...head, "| ------ | ----- |", ...rows, ""];
}
