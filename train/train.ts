/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import { foldKey, seedKey } from "../core/random.ts";
import type { Device } from "../core/storage.ts";
import type { Architecture, ModelConfig } from "../nn/models/config.ts";
import type { LanguageModel } from "../nn/models/decoder.ts";
import { dropoutPlan } from "../nn/dropout/plan.ts";
import { applyLora } from "../nn/lora/lora.ts";
import { type Classifier, initialize, languageModel, type LoadReport } from "../nn/models/load.ts";
import { type Module, parameters } from "../nn/layers/module.ts";
import { heads, Trainable, trainHead } from "../nn/optim/adamw.ts";
import { loadAdapter } from "./run/adapter.ts";
import { openDevice } from "./device/backend.ts";
import { checkLayers, type TrainConfig } from "./config/config.ts";
import { requireEmptyDirectory, sameFile } from "./files/files.ts";
import { fit, type FitHooks, type FitResult, planSteps } from "./fit.ts";
import type { AdapterConfig } from "../nn/formats/peft_config.ts";
import { type ModelSource, resolveModel } from "./hub/resolve_model.ts";
import type { DownloadHooks } from "./hub/snapshot.ts";
import { openClassifier, openLanguageModel, readConfig } from "./run/load_model.ts";
import { loadTokenizer } from "./tokenizer/load_tokenizer.ts";
import { modelCard } from "./run/model_card.ts";
import {
  appendMetrics,
  findCheckpoint,
  readRun,
  restoreCheckpoint,
  rewindRun,
  saveCheckpoint,
  saveRun,
  saveRunAdapter,
} from "./run/run_folder.ts";
import { generates } from "./tasks/kind.ts";
import { openTask } from "./tasks/open.ts";
import type { Metrics } from "./tasks/task.ts";

/** What a caller of {@linkcode train} may hook into. */
export interface TrainHooks
  extends DownloadHooks, Pick<FitHooks, "signal" | "onStep" | "onEvaluation"> {
  /** Checkpoint, or run whose last checkpoint, to go on from. */
  readonly resume?: string;
}

/** What {@linkcode train} returns. */
export interface TrainResult extends FitResult {
  /** Numbers that training changed. */
  readonly trainable: number;
  /** Numbers in all. */
  readonly parameters: number;
}

/**
 * Fine-tunes a model.
 *
 * @throws {OptionError | FileError | DownloadError | TrainingError} In one sentence each; nothing
 * is half-written
 */
export async function train(given: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  const say = (line: string) => hooks.onMessage?.(line);
  const { base, start, config } = await locateFolders(given, hooks);
  const { device, reason } = await openDevice(config);
  await using _device = device;
  using _run = device.scope("run");
  say(`backend: ${reason}`);

  const key = seedKey(config.seed);
  const architecture = await readConfig(base.directory);
  if (generates(config.task)) languageModel(architecture); // an encoder is refused before data is read
  checkLayers(config, architecture.layers);
  const tokenizer = await loadTokenizer(base.directory);
  const parts = { train: true, split: "dev", classes: await savedClasses(hooks.resume) } as const;
  const task = await openTask(config, architecture, tokenizer, parts);
  say(`data: ${task.name}, ${task.train.length} training examples`);
  planSteps(config, task.train.length);
  task.notes.forEach((note) => say(`data: ${note}`));

  const { model, report } = task.labels === 0
    ? await openLanguageModel(base.directory, device, foldKey(key, "initialisation"), config)
    : await openClassifier(
      base.directory,
      device,
      foldKey(key, "initialisation"),
      task.labels,
      config,
    );
  describeWeights(report, say);

  const adapter = start === undefined
    ? newAdapter(model, architecture, config, base, device)
    : await loadAdapter(model, architecture, start.directory, device);
  trainHead(model);
  const trainable = await Trainable.of(model, device);
  const counts = describeParameters(model, say);
  const facts = { config, classes: task.classes, ...counts, backend: reason };

  const decoder = architecture.architecture === "gpt2" || architecture.architecture === "llama";
  const plan = dropoutPlan(config.method, decoder, config);
  const loraDropout = plan.sites.find(({ position }) => position === "lora")?.rate ?? 0;
  const settings = { method: config.method, plan, targets: adapter.targets, config };
  const { out } = config;
  if (hooks.resume !== undefined) {
    const { run, checkpoint } = await findCheckpoint(hooks.resume);
    await restoreCheckpoint(checkpoint, trainable);
    say(`resumed from ${checkpoint} at step ${trainable.steps}`);
    if (out !== undefined && await sameFile(out, run)) await rewindRun(out, trainable.steps);
    else if (out !== undefined) await requireEmptyDirectory(out);
  } else if (out !== undefined) await requireEmptyDirectory(out);
  if (out !== undefined) await saveRun(out, facts);

  const saveFiles = (folder: string, figures?: Metrics) => {
    const card = modelCard(adapter, config, task, figures);
    return saveRunAdapter(model, adapter, folder, { settings, loraDropout, card });
  };
  const checkpointAt = async (step: number, epoch: number, steps: number) => {
    if (out === undefined) return;
    const state = { global_step: step, epoch, max_steps: steps };
    say(`saved ${await saveCheckpoint(out, trainable, saveFiles, state)}`);
  };
  const started = performance.now();
  const result = await fit({ model, trainable }, task, device, config, plan, key, {
    ...(hooks.signal && { signal: hooks.signal }),
    async onStep(record, steps) {
      const seconds = (performance.now() - started) / 1000;
      if (out !== undefined) await appendMetrics(out, { ...record, seconds });
      await hooks.onStep?.(record, steps);
    },
    async onEvaluation(record) {
      if (out !== undefined) await appendMetrics(out, record);
      await hooks.onEvaluation?.(record);
    },
    onCheckpoint: checkpointAt,
  });
  if (out !== undefined && result.aborted) {
    await checkpointAt(result.step, result.epoch, result.steps);
  } else if (out !== undefined) {
    await saveFiles(out, result.figures);
    await saveRun(out, { ...facts, result });
    say(`saved the adapter in ${out}`);
  }
  return { ...result, ...counts };
}

/** Folders of a run, and its configuration with the commits they were taken from. */
export interface RunFolders {
  /** Base model. */
  readonly base: ModelSource;
  /** Adapter to start from. */
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

/** Modules that are adapted where nothing is said: query and value. */
const usualTargets: Readonly<Record<Architecture, readonly string[]>> = {
  bert: ["query", "value"],
  roberta: ["query", "value"],
  gpt2: ["c_attn.q", "c_attn.v"],
  llama: ["q_proj", "v_proj"],
};

/** Adapts the model anew. */
function newAdapter(
  model: Classifier | LanguageModel,
  architecture: ModelConfig,
  config: TrainConfig,
  base: ModelSource,
  device: Device,
): AdapterConfig {
  const { rank, alpha, rslora, seed } = config;
  const { targets = usualTargets[architecture.architecture] } = config;
  const classifies = !generates(config.task);
  const modulesToSave = classifies ? heads : [];
  applyLora(model, architecture.layers, { targets, rank, alpha, rslora, exclude: modulesToSave });
  const key = foldKey(seedKey(seed), "initialisation");
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, key);
  }
  return {
    targets,
    rank,
    alpha,
    rslora,
    modulesToSave,
    taskType: classifies ? "SEQ_CLS" : "CAUSAL_LM",
    baseModel: base.id ?? base.directory,
    revision: base.commit,
  };
}

function describeWeights(report: LoadReport, say: (line: string) => void): void {
  say(`weights: ${report.used.length} tensors used`);
  for (const kind of ["ignored", "unexpected", "initialised"] as const) {
    const names = report[kind];
    if (names.length > 0) say(`weights: ${names.length} ${kind}: ${shorten(names)}`);
  }
}

function shorten(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")}, …` : names.join(", ");
}

function describeParameters(model: Module, say: (line: string) => void) {
  const rows = [...parameters(model)];
  const total = rows.reduce((sum, [, { size }]) => sum + size, 0);
  const active = rows.filter(([, { trainable }]) => trainable);
  const groups = new Map<string, { count: number; size: number; shape: readonly number[] }>();
  for (const [path, { size, shape }] of active) {
    const group = path.replace(/\.\d+\./, ".*.");
    const { count, size: before } = groups.get(group) ?? { count: 0, size: 0 };
    groups.set(group, { count: count + 1, size: before + size, shape });
  }
  const trainable = active.reduce((sum, [, { size }]) => sum + size, 0);
  const share = (100 * trainable / total).toFixed(3);
  say(`trainable: ${trainable} of ${total} parameters (${share} %)`);
  for (const [group, { count, size, shape }] of groups) {
    say(`  ${group} ${count} x [${shape}] = ${size}`);
  }
  return { trainable, parameters: total };
}
