/**
 * What a run needs before its first step: folders, data and a model with what is trained of it.
 *
 * @module
 */

import type { Device } from "../core/device.ts";
import { foldKey } from "../core/random.ts";
import { dropoutPlan } from "../nn/dropout/methods.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import type { AdapterConfig } from "../nn/formats/peft_config.ts";
import { isHead, trainHead } from "../nn/models/heads.ts";
import type { Model, ModelConfig } from "../nn/models/model.ts";
import type { Optimiser } from "../nn/optim/optimiser.ts";
import { Trainable } from "../nn/optim/trainable.ts";
import type { Tokenizer } from "../nn/tokenizer/tokenizer.ts";
import {
  checkLayers,
  requireActive,
  type RunKeys,
  runKeys,
  type TrainConfig,
} from "./config/config.ts";
import { optimiserOf, planSteps } from "./fit.ts";
import { addAdapter, loadAdapter } from "./run/adapter.ts";
import {
  describeAdapter,
  describeDecay,
  describeDropout,
  describeLearningRates,
  describeLoraDropout,
  describeMemory,
  describePadding,
  describeParameters,
  describeWeights,
  type ParameterCounts,
} from "./run/describe.ts";
import { type DataFingerprints, dataFingerprints } from "./run/fingerprint.ts";
import {
  openClassifier,
  openLanguageModel,
  type OpenOptions,
  readConfig,
} from "./run/load_model.ts";
import { loadTokenizer } from "./run/load_tokenizer.ts";
import { newAdapter, savingToo } from "./run/new_adapter.ts";
import type { RunFolders } from "./run/run_folders.ts";
import type { ResumeOptions, RunPlace } from "./run/run_place.ts";
import { openTask } from "./tasks/open.ts";
import type { ProgressHooks } from "./tasks/progress.ts";
import type { Task } from "./tasks/task.ts";

/** The data of a run and what follows from its settings: all it needs but the model's numbers. */
export interface PreparedData {
  /** Data of the task, tokenised. */
  readonly task: Task;
  /** What tells the data from others. */
  readonly fingerprints: DataFingerprints;
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** The base model's configuration. */
  readonly architecture: ModelConfig;
  /** What is dropped. */
  readonly plan: DropoutPlan;
  /** Roots of all random numbers. */
  readonly keys: RunKeys;
}

/** A model with an adapter, and what trains it. */
export interface PreparedModel {
  /** Base model with its adapter. */
  readonly model: Model;
  /** Trained parameters and the state beside them. */
  readonly optimiser: Optimiser;
  /** What adapter_config.json will say. */
  readonly adapter: AdapterConfig;
}

/** A run that is ready for its first step. */
export interface Prepared extends PreparedData, PreparedModel {
  /** Numbers in the parameters. */
  readonly counts: ParameterCounts;
}

/** Who is told of the preparations. */
export interface PrepareHooks extends ProgressHooks {
  /** Called with a line for a log. */
  onMessage?(line: string): void;
}

/**
 * Reads and tokenises the data; nothing is on the device yet.
 *
 * @param place What the run goes on from
 * @throws {OptionError | FileError} If settings, data and model do not fit each other, or the run that
 * goes on
 */
export async function prepareData(
  { base, config }: RunFolders,
  place: RunPlace,
  hooks: PrepareHooks & ResumeOptions,
): Promise<PreparedData> {
  const architecture = await readConfig(base.directory);
  checkLayers(config, architecture.layers);
  const plan = dropoutPlan(config.method, architecture.causal, config);
  requireActive(plan, architecture.layers);
  const tokenizer = await loadTokenizer(base.directory);
  const task = await openData(config, architecture, tokenizer, place, hooks);
  const fingerprints = await dataFingerprints(task);
  place.checkData(fingerprints, hooks);
  return { task, fingerprints, tokenizer, architecture, plan, keys: runKeys(config) };
}

/**
 * Loads the model and says what is remarkable of it; nothing is written. The open scope owns what is on
 * the device.
 *
 * @throws {OptionError | FileError} If the model does not fit its settings
 */
export async function prepareModel(
  folders: RunFolders,
  data: PreparedData,
  device: Device,
  hooks: PrepareHooks,
): Promise<Prepared> {
  const { config } = folders;
  const say = (line: string) => hooks.onMessage?.(line);
  const { drawn, ...opened } = await openTrained(folders, data, device, { ...hooks, say });
  const { model, adapter } = opened;
  const counts = describeParameters(model, say, drawn);
  describeDecay(model, config, say);
  describeLearningRates(model, config, say);
  describeDropout(data.plan, say);
  describeLoraDropout(adapter, data.plan, say);
  describeMemory(config, data.architecture.layers, say);
  describePadding(config, say);
  return { ...data, ...opened, counts };
}

/** How a model is opened that is to be trained. */
export interface OpenTrainedOptions extends Pick<OpenOptions, "blank" | "onProgress"> {
  /** Told what is remarkable, line by line. */
  say(line: string): void;
}

/**
 * Opens the base model with its adapter and an optimiser. The open scope owns what is on the device.
 *
 * @returns Also the paths of parameters outside the head that neither file nor adapter gives
 * @throws {OptionError | FileError} If files, settings and model do not fit each other
 */
export async function openTrained(
  { base, start, config }: RunFolders,
  { task, architecture, keys }: PreparedData,
  device: Device,
  { say, ...options }: OpenTrainedOptions,
): Promise<PreparedModel & { readonly drawn: readonly string[] }> {
  const initialKey = foldKey(keys.initial, "initialisation");
  const opening = { half: config.half, quantize: config.quantize, ...options };
  const { model, report } = task.labels === 0
    ? await openLanguageModel(base.directory, device, initialKey, opening)
    : await openClassifier(base.directory, device, initialKey, task.labels, opening);
  describeWeights(report, say);
  const drawn = report.initialised.filter((path) => !isHead(path));
  const fresh = savingToo(newAdapter(config, architecture, base, task.labels > 0), drawn);
  const adapter = start === undefined
    ? addAdapter(model, fresh, device, initialKey)
    : savingToo(await loadAdapter(model, start.directory, device, say), drawn);
  describeAdapter(adapter, config, say);
  trainHead(model, drawn);
  return {
    model,
    adapter,
    optimiser: optimiserOf(await Trainable.of(model, device), config),
    drawn,
  };
}

/** Reads and tokenises the data, and says what is remarkable of them. */
async function openData(
  config: TrainConfig,
  architecture: ModelConfig,
  tokenizer: Tokenizer,
  place: RunPlace,
  { onMessage }: PrepareHooks,
): Promise<Task> {
  // Those of a run that is resumed: other training data must not change their numbers.
  const classes = place.resumed?.saved.classes;
  const task = await openTask(config, architecture, tokenizer, {
    train: true,
    split: "dev",
    classes,
  });
  onMessage?.(`data: ${task.name}, ${task.train.length} training examples`);
  place.checkSteps(planSteps(config, task.train.length).steps);
  for (const note of task.notes) onMessage?.(`data: ${note}`);
  return task;
}
