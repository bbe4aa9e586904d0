/**
 * From a configuration to a task: reads the published files and tokenises them.
 *
 * @module
 */

import { FileError, OptionError } from "../../core/errors.ts";
import type { ModelConfig } from "../../nn/models/model.ts";
import { languageModel } from "../../nn/models/registry.ts";
import type { Tokenizer } from "../../nn/tokenizer/tokenizer.ts";
import type { TrainConfig } from "../config/config.ts";
import { epochExamples } from "../data/batches.ts";
import type { Split } from "../data/example.ts";
import { readTexts, type TextExample } from "../data/text_example.ts";
import {
  generates,
  ownsTexts,
  type OwnTextName,
  type PublishedTextName,
  textTasks,
} from "../data/text_tasks.ts";
import { checkPadding, type IdRules } from "./check_ids.ts";
import { classificationTask } from "./classification.ts";
import { generationTask } from "./generation.ts";
import { evaluatedOf, heldBack, holdsBack } from "./held_back.ts";
import { type LabelledData, namesColumns } from "./labelled.ts";
import { OwnTokenizer } from "./own_prompts.ts";
import { readOwnSplits } from "./own_splits.ts";
import { ownTextTask } from "./own_texts.ts";
import { readLabelled } from "./read_labelled.ts";
import { specialTokens } from "./special_tokens.ts";
import type { Task, TaskParts } from "./task.ts";

/**
 * Opens a task.
 *
 * @throws {OptionError} If an option does not fit the model or the data
 * @throws {FileError} If a file is missing or malformed, its examples have no answers, or a token or
 * segment has no row in the model's table
 */
export async function openTask(
  config: TrainConfig,
  model: ModelConfig,
  tokenizer: Tokenizer,
  parts: TaskParts = { train: true, split: "dev" },
): Promise<Task> {
  const { task, newTokens, generate } = config;
  const { split } = parts;
  if (generates(task) && namesColumns(config)) {
    throw new OptionError(
      `Cannot use --text-a, --text-b or --label as ${task} has no tables of labels`,
    );
  }
  const maxLength = maxSequenceLength(config, model);
  if (ownsTexts(task)) return await openOwnTexts(task, config, { config: model, tokenizer }, parts);
  if (generates(task)) {
    languageModel(model); // an encoder is refused before data is read
    const { title } = textTasks[task];
    const { train, dev, notes } = await readAnswered(task, config, parts);
    const opened = generationTask({
      name: title,
      train: train.examples.slice(0, config.trainLimit),
      dev: dev.examples.slice(0, config.devLimit),
      paths: { train: train.path, dev: dev.path },
      tokenizer,
      frame: specialTokens(model, tokenizer),
      config: model,
      maxLength,
      newTokens,
      search: config,
      generate,
      batch: config.evalBatch,
    });
    return padded(noted(opened, notes, config), config, { config: model, tokenizer });
  }
  const read = await readLabelled(config, model.labelNames, parts);
  return labelledTask(config, read, { config: model, tokenizer }, split);
}

/**
 * The task of labelled examples.
 *
 * @param split What is evaluated, for messages
 * @throws {OptionError} If the sequences are longer than the model's
 * @throws {FileError} If a label is missing, or a token or segment has no row in the model's table
 */
export function labelledTask(
  config: TrainConfig,
  { kind, train, dev, path, places, notes }: LabelledData,
  rules: IdRules,
  split: string,
): Task {
  if (dev.some(({ label }) => label === undefined)) throw unanswered(split, "labels", path);
  const opened = classificationTask({
    ...rules,
    kind,
    train: train.slice(0, config.trainLimit),
    dev: dev.slice(0, config.devLimit),
    maxLength: maxSequenceLength(config, rules.config),
    places,
    batch: config.evalBatch,
  });
  return padded(noted(opened, notes, config), config, rules);
}

/** Opens a task of the user's own texts. */
async function openOwnTexts(
  task: OwnTextName,
  config: TrainConfig,
  rules: IdRules,
  parts: TaskParts,
): Promise<Task> {
  const { config: model, tokenizer } = rules;
  languageModel(model); // an encoder is refused before data is read
  const own = new OwnTokenizer(tokenizer, model, task === "chat", config.model);
  const { train, dev, notes } = await readOwnSplits(task, config, parts);
  const opened = ownTextTask({
    name: task,
    train,
    dev,
    own,
    ...rules,
    maxLength: maxSequenceLength(config, model),
    newTokens: config.newTokens,
    search: config,
    generate: config.generate,
    batch: config.evalBatch,
  });
  return padded(noted(opened, notes, config), config, rules);
}

/** Examples of contexts and references, and the file that they are from. */
interface Answered {
  readonly examples: readonly TextExample[];
  readonly path: string;
}

/** Reads the examples of a run, all of which have references. */
async function readAnswered(
  task: PublishedTextName,
  config: TrainConfig,
  parts: TaskParts,
): Promise<{ train: Answered; dev: Answered; notes: readonly string[] }> {
  const { parse, files } = textTasks[task];
  const answered = async (part: Split): Promise<Answered> => {
    const paths = await files(config.data, part);
    const examples = await readTexts(paths, parse);
    const path = paths.length === 1 ? paths[0]! : config.data;
    if (examples.every(({ reference }) => reference !== undefined)) return { examples, path };
    throw unanswered(part, "references", path);
  };
  const none = { examples: [], path: config.data };
  const holds = holdsBack(config, parts);
  const all = parts.train || holds ? await answered("train") : none;
  const divisionOf = ({ examples }: Answered) => ({
    groupOf: (position: number) => examples[position]!.context,
    stratumOf: () => undefined,
  });
  const pick = ({ examples, path }: Answered, positions: readonly number[]) => ({
    examples: positions.map((position) => examples[position]!),
    path,
  });
  if (!holds) {
    const dev = await answered(parts.split);
    const { positions, notes } = evaluatedOf(dev.examples, config, parts, divisionOf(dev));
    return { train: all, dev: pick(dev, positions), notes };
  }
  const { kept, held, note } = heldBack(all.examples, config, divisionOf(all));
  return { train: parts.train ? pick(all, kept) : none, dev: pick(all, held), notes: [note] };
}

/**
 * How many training examples a run has.
 *
 * @param known Words that the model's configuration has for its classes
 * @throws {FileError | OptionError} If the data cannot be read
 */
export async function countTraining(
  config: TrainConfig,
  known: readonly string[],
): Promise<number> {
  const { task, trainLimit = Infinity } = config;
  const parts = { train: true, split: "dev" } as const;
  const { length } = ownsTexts(task)
    ? (await readOwnSplits(task, config, parts)).train
    : generates(task)
    ? (await readAnswered(task, config, parts)).train.examples
    : (await readLabelled(config, known, parts)).train;
  return Math.min(length, trainLimit);
}

/** The task with what else is remarkable of its data. */
function noted(task: Task, notes: readonly string[], config: TrainConfig): Task {
  const { length } = task.train;
  const left = length - epochExamples(length, config);
  const dropped = left === 0 ? [] : [`${left} training examples, drawn anew, miss each epoch`];
  return { ...task, notes: [...notes, ...dropped, ...task.notes] };
}

/** The task, once its padding token is known to have a row in the model's table where it is needed. */
function padded(task: Task, { batch }: TrainConfig, rules: IdRules): Task {
  const lengths = task.train.map(({ ids }) => ids.length);
  checkPadding(task.padId, batch > 1 ? [lengths] : [], rules);
  return task;
}

/**
 * Most tokens in a sequence of a run.
 *
 * @throws {OptionError} If the model cannot take that many
 */
export function maxSequenceLength(config: TrainConfig, model: ModelConfig): number {
  const ofTexts = ownsTexts(config.task) ? 1024 : 512;
  const usual = Math.min(generates(config.task) ? ofTexts : 128, model.maxPositions);
  const { maxLength = usual } = config;
  if (maxLength > model.maxPositions) {
    throw new OptionError(
      `Cannot use --max-length ${maxLength} as the model takes at most ${model.maxPositions} tokens`,
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
