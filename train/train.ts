/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import { fold, seedKey } from "../core/random.ts";
import type { Device } from "../core/storage.ts";
import type { ModelConfig } from "../nn/config.ts";
import type { LanguageModel } from "../nn/decoder.ts";
import { adapt } from "../nn/lora.ts";
import { type Classifier, initialise, languageModel, type LoadReport } from "../nn/model.ts";
import { type Module, parameters } from "../nn/module.ts";
import { Trainable, trainHead } from "../nn/trainable.ts";
import { readAdapter, readAdapterConfig } from "./adapter.ts";
import { openDevice } from "./backend.ts";
import { checkLayers, dropoutPlan, type TrainConfig, usualTargets } from "./config.ts";
import { requireEmptyDirectory, samePlace } from "./files.ts";
import { fit, type FitHooks, type FitResult, planSteps } from "./fit.ts";
import type { AdapterConfig } from "./formats/peft.ts";
import { openClassifier, openLanguageModel, readConfig } from "./load_model.ts";
import { loadTokenizer } from "./load_tokenizer.ts";
import {
  appendMetrics,
  findCheckpoint,
  restoreCheckpoint,
  rewindRun,
  saveCheckpoint,
  saveRun,
  saveRunAdapter,
} from "./run_folder.ts";
import { generates } from "./tasks/kind.ts";
import { openTask } from "./tasks/open.ts";

/** What a caller of {@linkcode train} may hook into. */
export interface TrainHooks extends Pick<FitHooks, "signal" | "onStep" | "onEvaluation"> {
  /** Lines for a log: backend, data, weights, parameters. */
  onMessage?(line: string): void;
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
 * @throws {OptionError | FileError | TrainingError} In one sentence each; nothing is half-written
 */
export async function train(config: TrainConfig, hooks: TrainHooks = {}): Promise<TrainResult> {
  const say = (line: string) => hooks.onMessage?.(line);
  const { device, reason } = await openDevice(config);
  await using _device = device;
  using _run = device.scope("run");
  say(`backend: ${reason}`);

  const key = seedKey(config.seed);
  const architecture = await readConfig(config.model);
  if (generates(config.task)) languageModel(architecture); // an encoder is refused before data is read
  checkLayers(config, architecture.layers);
  const tokenizer = await loadTokenizer(config.model);
  const task = await openTask(config, architecture, tokenizer);
  say(`data: ${task.name}, ${task.train.length} training examples`);
  planSteps(config, task.train.length);
  task.notes.forEach((note) => say(`data: ${note}`));

  const { model, report } = task.labels === 0
    ? await openLanguageModel(config.model, device, fold(key, "initialisation"))
    : await openClassifier(config.model, device, fold(key, "initialisation"), task.labels);
  describeWeights(report, say);

  const adapter = await prepareAdapter(model, architecture, config, device);
  trainHead(model);
  const trainable = await Trainable.of(model, device);
  const counts = describeParameters(model, say);

  const decoder = architecture.architecture === "gpt2" || architecture.architecture === "llama";
  const plan = dropoutPlan(config, decoder);
  const loraDropout = plan.sites.find(({ position }) => position === "lora")?.rate ?? 0;
  const settings = { method: config.method, plan, targets: adapter.lora.targets, config };
  const { out } = config;
  if (hooks.resume !== undefined) {
    const { run, checkpoint } = await findCheckpoint(hooks.resume);
    await restoreCheckpoint(checkpoint, trainable);
    say(`resumed from ${checkpoint} at step ${trainable.steps}`);
    if (out !== undefined && await samePlace(out, run)) await rewindRun(out, trainable.steps);
    else if (out !== undefined) await requireEmptyDirectory(out);
  } else if (out !== undefined) await requireEmptyDirectory(out);
  if (out !== undefined) await saveRun(out, { config, ...counts, backend: reason });

  const saveFiles = (folder: string) =>
    saveRunAdapter(model, adapter, folder, settings, loraDropout);
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
    await saveFiles(out);
    await saveRun(out, { config, ...counts, backend: reason, result });
    say(`saved the adapter in ${out}`);
  }
  return { ...result, ...counts };
}

/** Adapts the model anew, or to a saved adapter. */
async function prepareAdapter(
  model: Classifier | LanguageModel,
  { architecture, layers }: ModelConfig,
  config: TrainConfig,
  device: Device,
): Promise<AdapterConfig> {
  if (config.adapter !== undefined) {
    const saved = await readAdapterConfig(config.adapter);
    adapt(model, layers, saved.lora);
    await readAdapter(model, saved, config.adapter, device);
    return saved;
  }
  const { rank, alpha, rslora: rsLora, targets = usualTargets[architecture], seed } = config;
  const lora = { targets, rank, alpha, rsLora };
  adapt(model, layers, lora);
  const key = fold(seedKey(seed), "initialisation");
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialise(parameter, path, device, key);
  }
  const classifies = !generates(config.task);
  return {
    lora,
    taskType: classifies ? "SEQ_CLS" : "CAUSAL_LM",
    modulesToSave: classifies ? ["classifier", "score"] : [],
    baseModel: config.model,
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
