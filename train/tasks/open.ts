/**
 * From a configuration to a task: reads the published files and tokenises them.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { ModelConfig } from "../../nn/config.ts";
import type { TrainConfig } from "../config.ts";
import { e2eFile, readE2e } from "../data/e2e.ts";
import { readGlue } from "../data/glue.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { classificationTask } from "./classification.ts";
import { frameOf, generationTask } from "./generation.ts";
import type { Task } from "./task.ts";

/** Sequences in an evaluation batch. */
const evaluationBatch = 32;

/** Splits whose examples have answers. */
export type LabelledSplit = "dev" | "test";

/** Which files of a task are read. */
export interface TaskData {
  /** Whether the training examples are read; there are none otherwise. */
  readonly train: boolean;
  /** What is evaluated. */
  readonly split: LabelledSplit;
}

/**
 * Opens a task.
 *
 * @throws {OptionError} If an option does not fit the model or the data
 * @throws {FileError} If a file is missing or malformed, or its examples have no answers
 */
export async function openTask(
  config: TrainConfig,
  model: ModelConfig,
  tokenizer: Tokenizer,
  { train: trains, split }: TaskData = { train: true, split: "dev" },
): Promise<Task> {
  const { task, data, newTokens, generate } = config;
  const maxLength = longest(config, model);
  if (task === "e2e") {
    const read = async (part: "train" | LabelledSplit) => {
      const examples = await readE2e(data, part);
      const answered = examples.every(({ reference }) => reference !== undefined);
      if (!answered) throw unanswered(part, "references", await e2eFile(data, part));
      return examples;
    };
    const train = trains ? await read("train") : [];
    const dev = await read(split);
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
  const train = trains ? await readGlue(task, data, "train") : [];
  const dev = await readGlue(task, data, split);
  if (dev.some(({ label }) => label === undefined)) {
    throw unanswered(split, "labels", `${data}/${split}.tsv`);
  }
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

function unanswered(split: string, answers: string, path: string): FileError {
  return new FileError(
    `Cannot use split ${split} as ${answers} are required: found examples without them`,
    path,
  );
}

function limited<T>(examples: readonly T[], limit: number | undefined): readonly T[] {
  return limit === undefined ? examples : examples.slice(0, limit);
}
