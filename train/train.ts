/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import type { Device } from "../core/device.ts";
import { OptionError } from "../core/errors.ts";
import { foldKey } from "../core/random.ts";
import { dropoutPlan } from "../nn/dropout/methods.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import type { AdapterConfig } from "../nn/formats/peft_config.ts";
import { declaredBy, ownerOf } from "../nn/formats/peft_tensors.ts";
import { heads, isHead, trainHead } from "../nn/models/heads.ts";
import type { Model, ModelConfig } from "../nn/models/model.ts";
import { architectureOf } from "../nn/models/registry.ts";
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
import { kebab } from "./config/options.ts";
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
  describeMemory,
  describeParameters,
  describeWeights,
  type ParameterCounts,
} from "./run/describe.ts";
import { type DataFingerprints, dataFingerprints } from "./run/fingerprint.ts";
import { openClassifier, openLanguageModel, readConfig } from "./run/load_model.ts";
import { loadTokenizer } from "./run/load_tokenizer.ts";
import type { Resumed } from "./run/resume.ts";
import { RunOutput } from "./run/run_output.ts";
import { type ResumeOptions, RunPlace } from "./run/run_place.ts";
import { savedResult } from "./run/saved_result.ts";
import { openTask } from "./tasks/open.ts";
import type { Task } from "./tasks/task.ts";

/** What a caller of {@linkcode train} may hook into. */
export interface TrainHooks
  extends
    DownloadHooks,
    ResumeOptions,
    Pick<FitHooks, "signal" | "onStep" | "onProgress" | "onEvaluation" | "onBest"> {
  /** Called at the end of a run, with the most bytes of tensors that there were at once. */
  readonly onMemory?: (peakBytes: number) => void;
}

/** What {@linkcode train} returns. */
export interface TrainResult extends Omit<FitResult, "progress">, ParameterCounts {}

/**
 * Fine-tunes a model. Where the run that is resumed is over, nothing is done but to return its result.
 *
 * @throws {OptionError | FileError | DownloadError | TrainingError} In one sentence each; nothing
 * is half-written
 */
export async function train(given: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  requireFolder(given);
  const folders = await locateFolders(given, hooks);
  await using place = await RunPlace.open(folders.config, hooks);
  if (place.isFinished) return finished(place.resumed!, hooks);
  const { device, reason } = await openDevice(folders.config);
  await using _device = device;
  using _run = device.scope("run");
  hooks.onMessage?.(`backend: ${reason}`);
  const prepared = await prepare(folders, device, { ...hooks, place });
  const { task, plan, keys, counts } = prepared;
  const { config } = folders;
  const facts = { ...counts, backend: reason, layers: prepared.layers, ...prepared.fingerprints };
  const output = await RunOutput.open(
    { ...prepared, config, facts },
    place,
    (line) => hooks.onMessage?.(line),
  );
  const settings = { task, config, plan, key: keys.masks, orderKey: keys.order };
  const { progress, ...result } = await fit(
    prepared,
    { ...settings, progress: output.progress },
    writingTo(output, hooks),
  );
  await output.finish({ ...result, progress });
  const { peakBytes } = device.backend.statistics;
  hooks.onMessage?.(`memory: at most ${(peakBytes / 1e6).toFixed(0)} MB of tensors at once`);
  hooks.onMemory?.(peakBytes);
  return { ...result, ...counts };
}

/** Settings that need a folder. */
const ofFolders = [
  "saveEvery",
  "keep",
  "result",
  "tensorboard",
] as const satisfies (keyof TrainConfig)[];

function requireFolder(config: TrainConfig): void {
  const found = ofFolders.find((name) => (config[name] ?? false) !== false);
  if (found === undefined || config.out !== undefined) return;
  throw new OptionError(
    `Cannot use --${kebab(found)} as a folder is required in --out: found none`,
  );
}

/** What is said and returned of a run that is over. */
function finished({ run, saved }: Resumed, { onMessage }: TrainHooks): TrainResult {
  const result = savedResult(saved, `${run}/run.json`);
  const { step, steps, stoppedEarly } = result;
  const early = stoppedEarly ? ", stopped early" : "";
  onMessage?.(
    `the run in ${run} is over: step ${step} of ${steps}${early}; ` +
      "it goes on with --change and more --epochs, or --max-steps where they ended it",
  );
  return result;
}

/** The hooks of the loop that write its output, and tell the caller. */
function writingTo(output: RunOutput, hooks: TrainHooks): FitHooks {
  const { signal, onProgress, onBest } = hooks;
  const started = performance.now();
  return {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    async onStep(record, steps) {
      await output.append({ ...record, seconds: (performance.now() - started) / 1000 });
      await hooks.onStep?.(record, steps);
    },
    beforeEvaluation: () => output.saveLast(),
    onPredictions: (predictions) => output.predicted(predictions),
    async onEvaluation(record, isBest) {
      await output.append(record);
      await hooks.onEvaluation?.(record, isBest);
    },
    async onBest(best) {
      await output.saveBest(best);
      await onBest?.(best);
    },
    onCheckpoint: (at, progress) => output.checkpoint(at, progress),
  };
}

/** A run that is ready for its first step. */
export interface Prepared {
  /** Data of the task, tokenised. */
  readonly task: Task;
  /** What tells the data from others. */
  readonly fingerprints: DataFingerprints;
  /** The base model's tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Base model with its adapter. */
  readonly model: Model;
  /** Trained parameters and the state beside them. */
  readonly optimiser: Optimiser;
  /** What adapter_config.json will say. */
  readonly adapter: AdapterConfig;
  /** What is dropped. */
  readonly plan: DropoutPlan;
  /** Layers of the model. */
  readonly layers: number;
  /** Roots of all random numbers. */
  readonly keys: RunKeys;
  /** Numbers in the parameters. */
  readonly counts: ParameterCounts;
}

/** Who is told of the preparations, and what the run goes on from. */
export interface PrepareHooks extends TrainHooks {
  /** Where the run is written and what it goes on from. */
  readonly place: RunPlace;
}

/**
 * Reads data and model and says what is remarkable of them; nothing is written. The open scope owns what
 * is on the device.
 *
 * @throws {OptionError | FileError} If they do not fit each other, or the run that goes on
 */
export async function prepare(
  { base, start, config }: RunFolders,
  device: Device,
  hooks: PrepareHooks,
): Promise<Prepared> {
  const say = (line: string) => hooks.onMessage?.(line);
  const keys = runKeys(config);
  const architecture = await readConfig(base.directory);
  checkLayers(config, architecture.layers);
  const plan = dropoutPlan(config.method, architecture.causal, config);
  requireActive(plan, architecture.layers);
  const tokenizer = await loadTokenizer(base.directory);
  const task = await openData(config, architecture, tokenizer, hooks);
  const fingerprints = await dataFingerprints(task);
  hooks.place.checkData(fingerprints, hooks);

  const initialKey = foldKey(keys.initial, "initialisation");
  const opening = { half: config.half, quantize: config.quantize, ...hooks };
  const { model, report } = task.labels === 0
    ? await openLanguageModel(base.directory, device, initialKey, opening)
    : await openClassifier(base.directory, device, initialKey, task.labels, opening);
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
  const { layers } = architecture;
  describeMemory(config, layers, say);
  return { task, fingerprints, tokenizer, model, optimiser, adapter, plan, layers, keys, counts };
}

/** Reads and tokenises the data, and says what is remarkable of them. */
async function openData(
  config: TrainConfig,
  architecture: ModelConfig,
  tokenizer: Tokenizer,
  { place, onMessage }: PrepareHooks,
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
