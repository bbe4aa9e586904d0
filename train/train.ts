/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import { foldKey, seedKey } from "../core/random.ts";
import { dropoutPlan } from "../nn/dropout/methods.ts";
import type { AdapterConfig } from "../nn/formats/peft_config.ts";
import { declaredBy, ownerOf } from "../nn/formats/peft_tensors.ts";
import { heads, isHead, trainHead } from "../nn/models/heads.ts";
import type { ModelConfig } from "../nn/models/model.ts";
import { architectureOf } from "../nn/models/registry.ts";
import { Trainable } from "../nn/optim/trainable.ts";
import { checkLayers, requireActive, type TrainConfig } from "./config/config.ts";
import { openDevice } from "./device/backend.ts";
import { fit, type FitHooks, type FitResult, optimiserOf, planSteps } from "./fit.ts";
import type { DownloadHooks } from "./hub/download.ts";
import { type ModelSource, resolveModel } from "./hub/resolve_model.ts";
import { addAdapter, loadAdapter, type NewAdapter } from "./run/adapter.ts";
import {
  describeAdapter,
  describeDecay,
  describeDropout,
  describeLearningRates,
  describeLoraDropout,
  describeParameters,
  describeWeights,
  type ParameterCounts,
} from "./run/describe.ts";
import { openClassifier, openLanguageModel, readConfig } from "./run/load_model.ts";
import { loadTokenizer } from "./run/load_tokenizer.ts";
import { readRun } from "./run/run_folder.ts";
import { RunOutput } from "./run/run_output.ts";
import { findCheckpoint } from "./run/training_checkpoint.ts";
import { openTask } from "./tasks/open.ts";
import type { Task } from "./tasks/task.ts";

/** What a caller of {@linkcode train} may hook into. */
export interface TrainHooks
  extends DownloadHooks, Pick<FitHooks, "signal" | "onStep" | "onEvaluation"> {
  /** Checkpoint, or run whose last checkpoint, to go on from. */
  readonly resume?: string;
}

/** What {@linkcode train} returns. */
export interface TrainResult extends FitResult, ParameterCounts {}

/**
 * Fine-tunes a model.
 *
 * @throws {OptionError | FileError | DownloadError | TrainingError} In one sentence each; nothing
 * is half-written
 */
export async function train(given: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  if (given.saveEvery !== undefined && given.out === undefined) {
    throw new OptionError("Cannot use --save-every as a folder is required in --out: found none");
  }
  if (given.tensorboard && given.out === undefined) {
    throw new OptionError("Cannot use --tensorboard as a folder is required in --out: found none");
  }
  const say = (line: string) => hooks.onMessage?.(line);
  const { base, start, config } = await locateFolders(given, hooks);
  const { device, reason } = await openDevice(config);
  await using _device = device;
  using _run = device.scope("run");
  say(`backend: ${reason}`);

  const key = seedKey(config.seed);
  const architecture = await readConfig(base.directory);
  checkLayers(config, architecture.layers);
  const plan = dropoutPlan(config.method, architecture.causal, config);
  requireActive(plan, architecture.layers);
  const task = await openData(config, architecture, base, hooks);

  const initialKey = foldKey(key, "initialisation");
  const { model, report } = task.labels === 0
    ? await openLanguageModel(base.directory, device, initialKey, config)
    : await openClassifier(base.directory, device, initialKey, task.labels, config);
  describeWeights(report, say);
  const drawn = report.initialised.filter((path) => !isHead(path));
  const fresh = savingToo(adapterConfig(config, architecture, base, task.labels > 0), drawn);
  const adapter = start === undefined
    ? addAdapter(model, fresh, device, initialKey)
    : savingToo(await loadAdapter(model, start.directory, device, say), drawn);
  describeAdapter(adapter, config, say);
  trainHead(model, drawn);
  const optimiser = optimiserOf(await Trainable.of(model, device), config);
  const counts = describeParameters(model, say, drawn);
  describeDecay(model, config, say);
  describeLearningRates(model, config, say);

  describeDropout(plan, say);
  describeLoraDropout(adapter, plan, say);
  const facts = { ...counts, backend: reason, layers: architecture.layers };
  const contents = { model, optimiser, adapter, config, task, plan, facts };
  const output = await RunOutput.open(contents, hooks.resume, say);
  const started = performance.now();
  const result = await fit({ model, optimiser }, { task, config, plan, key }, {
    ...(hooks.signal && { signal: hooks.signal }),
    async onStep(record, steps) {
      await output.append({ ...record, seconds: (performance.now() - started) / 1000 });
      await hooks.onStep?.(record, steps);
    },
    async onEvaluation(record, predictions) {
      await output.append(record);
      await output.predicted(predictions);
      await hooks.onEvaluation?.(record, predictions);
    },
    onCheckpoint: (step, epoch, steps) => output.checkpoint(step, epoch, steps),
  });
  await output.finish(result);
  return { ...result, ...counts };
}

/** Reads and tokenises the data, and says what is remarkable of them. */
async function openData(
  config: TrainConfig,
  architecture: ModelConfig,
  base: ModelSource,
  { resume, onMessage }: TrainHooks,
): Promise<Task> {
  const tokenizer = await loadTokenizer(base.directory);
  const parts = { train: true, split: "dev", classes: await savedClasses(resume) } as const;
  const task = await openTask(config, architecture, tokenizer, parts);
  onMessage?.(`data: ${task.name}, ${task.train.length} training examples`);
  planSteps(config, task.train.length);
  for (const note of task.notes) onMessage?.(`data: ${note}`);
  return task;
}

/** Folders of a run, and its configuration with the commits they were taken from. */
export interface RunFolders {
  /** Base model, in a folder of its own or in the hub's cache. */
  readonly base: ModelSource;
  /** Adapter to start from; undefined where a new one is made. */
  readonly start: ModelSource | undefined;
  /** The configuration; a repository's name has its commit, which never changes. */
  readonly config: TrainConfig;
}

/** Finds or downloads the folders of a run. */
export async function locateFolders(
  config: TrainConfig,
  hooks: DownloadHooks = {},
): Promise<RunFolders> {
  const base = await resolveModel(config.model, "model", hooks);
  const start = config.adapter === undefined
    ? undefined
    : await resolveModel(config.adapter, "adapter", hooks);
  const named = { model: base.name, ...(start && { adapter: start.name }) };
  return { base, start, config: { ...config, ...named } };
}

/** The classes of a run that is resumed: other training data must not change their numbers. */
async function savedClasses(resume: string | undefined): Promise<readonly string[] | undefined> {
  if (resume === undefined) return undefined;
  return (await readRun((await findCheckpoint(resume)).run)).classes;
}

/** An adapter that saves the modules of some parameters whole, where it does not yet. */
function savingToo<A extends AdapterConfig>(adapter: A, drawn: readonly string[]): A {
  const saved = declaredBy(adapter, new Set());
  const owners = drawn.filter((path) => !saved(path)).map(ownerOf);
  return { ...adapter, modulesToSave: [...new Set([...adapter.modulesToSave, ...owners])] };
}

/** What an adapter is to be, by the configuration. */
function adapterConfig(
  { rank, alpha, rslora: rslora, targets }: TrainConfig,
  architecture: ModelConfig,
  base: ModelSource,
  classifies: boolean,
): NewAdapter {
  return {
    targets: targets ?? architectureOf(architecture).targets,
    rank,
    alpha,
    rslora,
    modulesToSave: classifies ? heads : [],
    taskType: classifies ? "SEQ_CLS" : "CAUSAL_LM",
    baseModel: base.id ?? base.directory,
    revision: base.commit,
  };
}
