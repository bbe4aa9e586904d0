/**
 * From a configuration to a task: reads the published files and tokenises them.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { ModelConfig } from "../../nn/config.ts";
import type { TrainConfig } from "../config.ts";
import { readE2e } from "../data/e2e.ts";
import { readGlue } from "../data/glue.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { classificationTask } from "./classification.ts";
import { frameOf, generationTask } from "./generation.ts";
import type { Task } from "./task.ts";

/** Sequences in an evaluation batch. */
const evaluationBatch = 32;

/** Splits whose examples have answers. */
export type LabelledSplit = "dev" | "test";

/**
 * Opens a task.
 *
 * @param split What is evaluated
 * @throws {OptionError} If an option does not fit the model or the data
 */
export async function openTask(
  config: TrainConfig,
  model: ModelConfig,
  tokenizer: Tokenizer,
  split: LabelledSplit = "dev",
): Promise<Task> {
  const { task, data, newTokens, generate } = config;
  const maxLength = longest(config, model);
  if (task === "e2e") {
    const [train, dev] = await Promise.all([readE2e(data, "train"), readE2e(data, split)]);
    return generationTask({
      train: limited(train, config.trainLimit),
      dev: limited(dev, config.devLimit),
      tokenizer,
      frame: frameOf(model, tokenizer),
      config: model,
      maxLength,
      newTokens,
      generate,
      batch: evaluationBatch,
    });
  }
  const [train, dev] = await Promise.all([
    readGlue(task, data, "train"),
    readGlue(task, data, split),
  ]);
  return classificationTask({
    task,
    train: limited(train, config.trainLimit),
    dev: limited(dev, config.devLimit),
    tokenizer,
    maxLength,
    batch: evaluationBatch,
  });
}

/**
 * Most tokens in a sequence of a run.
 *
 * @throws {OptionError} If the model cannot take that many
 */
export function longest(config: TrainConfig, model: ModelConfig): number {
  const usual = Math.min(config.task === "e2e" ? 512 : 128, model.positions);
  const { maxLength = usual } = config;
  if (maxLength > model.positions) {
    throw new OptionError(
      `Cannot use --max-length ${maxLength} as the model takes at most ${model.positions} tokens`,
    );
  }
  return maxLength;
}

function limited<T>(examples: readonly T[], limit: number | undefined): readonly T[] {
  return limit === undefined ? examples : examples.slice(0, limit);
}
