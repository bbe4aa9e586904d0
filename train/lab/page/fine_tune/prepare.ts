/**
 * From what was chosen to a model and a task, by the same steps as `deno task train`.
 *
 * @module
 */

import { blobFolder } from "../../../../nn/formats/file_ranges.ts";
import { folderWeights } from "../../../../nn/formats/folder_weights.ts";
import type { WeightSource } from "../../../../nn/models/weight_source.ts";
import { parseConfig } from "../../../../nn/models/config.ts";
import type { ModelConfig } from "../../../../nn/models/model.ts";
import type { Tokenizer } from "../../../../nn/tokenizer/tokenizer.ts";
import { resolveConfig, type TrainConfig } from "../../../config/config.ts";
import { grammarDataset } from "../../../data/grammar.ts";
import { glueTasks } from "../../../data/glue_tasks.ts";
import { Places } from "../../../data/places.ts";
import { parseTable } from "../../../data/table_text.ts";
import { baseConfig, baseTokenizer } from "../../../demo/base.ts";
import { demoConfig, demoData, demoTask } from "../../../demo/demo.ts";
import { planSteps } from "../../../fit.ts";
import {
  columnsRead,
  type LabelledData,
  labelledData,
  splitRows,
  textsOfRows,
} from "../../../tasks/labelled.ts";
import { labelledTask } from "../../../tasks/open.ts";
import type { Task } from "../../../tasks/task.ts";
import { type ModelFiles, readModelConfig, readTokenizer } from "./model_files.ts";
import type { DataChoice, Job, RunFacts, RunSettings } from "./protocol.ts";

/** A model that is not on a device yet. */
export interface BaseModel {
  /** What an adapter names as its base. */
  readonly name: string;
  /** Branch, tag or commit of a repository, where it is not its main one. */
  readonly revision?: string;
  /** Sizes, and words of classes. */
  readonly config: ModelConfig;
  /** The folder's own tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Opens the weights. */
  weights(): Promise<WeightSource>;
}

/** The demonstration's base model from the bytes of its file. */
export function demoModel(weights: () => Promise<WeightSource>): BaseModel {
  return { name: "base", config: baseConfig, tokenizer: baseTokenizer(), weights };
}

/**
 * The model of a folder.
 *
 * @param base What an adapter names as its base
 * @throws {FileError} If a file is missing, malformed or asks for what is not implemented
 */
export async function folderModel(
  model: ModelFiles,
  base: Pick<BaseModel, "name" | "revision">,
): Promise<BaseModel> {
  const config = parseConfig(await readModelConfig(model), `${model.name}/config.json`);
  const tokenizer = await readTokenizer(model);
  return {
    ...base,
    config,
    tokenizer,
    weights: () => folderWeights(blobFolder(model.name, model.files)),
  };
}

/** A run whose data are read and whose model is not on a device yet. */
export interface PreparedRun {
  /** All settings. */
  readonly config: TrainConfig;
  /** The base model. */
  readonly base: BaseModel;
  /** Tokenised data. */
  readonly task: Task;
  /** What the page is told. */
  readonly facts: RunFacts;
}

/** A table has a part of its rows held back; the demonstration has development data of its own. */
const devFraction = 0.2;

/**
 * Reads the data of a run.
 *
 * @throws {OptionError} If a setting does not fit the model or the data
 * @throws {FileError} If the table is malformed, with its line and column
 */
export async function prepareRun(job: Job, base: BaseModel): Promise<PreparedRun> {
  const { data, model, settings } = job;
  const config = data.kind === "demo" ? demoConfig(settings, { model: base.name }) : resolveConfig({
    task: "classification",
    data: data.name,
    model: base.name,
    devFraction,
    ...columnsOf(data),
  }, settings);
  const labelled = data.kind === "demo"
    ? demoLabelled(settings)
    : await tableLabelled(data, config, base.config.labelNames);
  // Where all is the demonstration's, so are the batches of evaluation, and with them the last bits.
  const task = data.kind === "demo" && model.kind === "demo"
    ? demoTask(settings.seed)
    : labelledTask(config, labelled, base, "dev");
  const { steps, perEpoch } = planSteps(config, task.train.length);
  const [first] = labelled.train;
  const { textA = "", textB } = first ?? {};
  return {
    config,
    base,
    task,
    facts: {
      steps,
      epochs: steps / perEpoch,
      train: task.train.length,
      dev: task.dev.length,
      classes: task.classes,
      pairs: textB !== undefined,
      sample: textB === undefined ? [textA] : [textA, textB],
      // That a part is held back is said by its number.
      notes: [...task.notes.filter((note) => !labelled.notes.includes(note)), ...cutNote(task)],
    },
  };
}

function cutNote({ cut }: Task): string[] {
  return cut === 0 ? [] : [`${cut} training examples are longer than the model reads`];
}

/** The demonstration's pairs of sentences, of which a quarter of the training labels is wrong. */
function demoLabelled({ seed }: RunSettings): LabelledData {
  const nowhere = new Places();
  return {
    kind: glueTasks.rte,
    ...grammarDataset({ ...demoData, seed }),
    path: "(grammar)",
    places: { train: nowhere, dev: nowhere },
    notes: [],
  };
}

/** Columns of pairs where the table's first line names them. */
function columnsOf({ text }: DataChoice & { kind: "table" }): { textA?: string; textB?: string } {
  const [first = ""] = text.split(/\r?\n/, 1);
  return /\btext_b\b/.test(first) ? { textA: "text_a", textB: "text_b" } : {};
}

async function tableLabelled(
  { name, text }: DataChoice & { kind: "table" },
  config: TrainConfig,
  known: readonly string[],
): Promise<LabelledData> {
  const rows = () => {
    const read = parseTable(text, name, columnsRead(config, true));
    return Promise.resolve(splitRows([textsOfRows(read, config, name)]));
  };
  return await labelledData(config, known, { train: true, split: "dev" }, rows);
}
