/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import metadata from "../deno.json" with { type: "json" };
import type { Device } from "../core/device.ts";
import { OptionError } from "../core/errors.ts";
import type { TrainConfig } from "./config/config.ts";
import { kebab } from "./config/options.ts";
import { openDevice } from "./device/backend.ts";
import { withDeviceDefaults } from "./device/device_defaults.ts";
import { MemoryShare } from "./device/memory_share.ts";
import { type Facts, requireAgreement } from "./distributed/agreement.ts";
import { alone, type Group } from "./distributed/group.ts";
import {
  ownConfig,
  ownDevice,
  requiredGroup,
  requireSameState,
  settingFacts,
  tellSharedCards,
} from "./distributed/joined_run.ts";
import { openDeviceSums } from "./distributed/open_sums.ts";
import { SharedStop } from "./distributed/shared_stop.ts";
import { weightsFingerprint } from "./files/weights_fingerprint.ts";
import { fit, type FitHooks, type FitResult } from "./fit.ts";
import type { DownloadHooks } from "./hub/download.ts";
import { requireMemory } from "./memory_plan.ts";
import { type Prepared, prepareData, prepareModel } from "./prepare.ts";
import type { ParameterCounts } from "./run/describe.ts";
import { indifferentSettings, type Resumed } from "./run/resume.ts";
import { locateFolders, type RunFolders } from "./run/run_folders.ts";
import { RunOutput } from "./run/run_output.ts";
import { type ResumeOptions, RunPlace } from "./run/run_place.ts";
import { savedResult } from "./run/saved_result.ts";
import type { Task } from "./tasks/task.ts";

/** What a caller of {@linkcode train} may hook into. */
export interface TrainHooks
  extends
    DownloadHooks,
    ResumeOptions,
    Pick<FitHooks, "signal" | "onStep" | "onProgress" | "onEvaluation" | "onBest"> {
  /** The processes that make the run together, each of which calls this; default this one alone. */
  readonly group?: Group;
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
  const group = requiredGroup(given, hooks.group);
  const folders = await locateFolders(given, hooks);
  const config = ownConfig(group, folders.config);
  await using place = await RunPlace.open(config, hooks, group);
  if (place.isFinished) return finished(place.resumed!, hooks);
  using memory = new MemoryShare();
  const { device, reason } = await openDevice(await ownDevice(group, config));
  await using _device = device;
  using _run = device.scope("run");
  const say = (line: string) => hooks.onMessage?.(line);
  say(`backend: ${reason}`);
  await using sums = await openDeviceSums(config, group, device);
  if (sums === undefined) await tellSharedCards(group, device.backend, say);
  else say(`sums: on the cards, by ${sums.name}`);
  const own = { ...folders, config: withDeviceDefaults(config, device.backend) };
  const data = await prepareData(own, place, hooks);
  await requireMemory(own, data, device, { share: group, memory, say, signal: hooks.signal });
  const prepared = await prepareModel(own, data, device, hooks);
  const { plan, keys, counts } = prepared;
  if (group.size > 1) await requireAgreement(group, await commonFacts(folders, prepared, device));
  const { layers } = prepared.architecture;
  const facts = { ...counts, backend: reason, layers, ...prepared.fingerprints };
  const output = await RunOutput.open({ ...prepared, config, facts }, place, say);
  await requireSameState(group, prepared.optimiser);
  const stop = new SharedStop(hooks.signal);
  const { progress, ...result } = await fit(
    prepared,
    {
      ...{ config: own.config, plan, key: keys.masks },
      ...{ orderKey: keys.order, progress: output.progress },
      task: sharedTask(prepared.task, group, stop),
      processes: group.size === 1 ? undefined : { group, stop, sums },
    },
    writingTo(output, group.size === 1 ? hooks : { ...hooks, signal: stop.signal }, prepared),
  );
  await sums?.finish();
  await output.finish({ ...result, progress });
  const { peakBytes } = device.backend.statistics;
  hooks.onMessage?.(`memory: at most ${(peakBytes / 1e6).toFixed(0)} MB of tensors at once`);
  hooks.onMemory?.(peakBytes);
  return { ...result, ...counts };
}

/** What all processes of a run must have alike; folders may have other names on other machines. */
async function commonFacts(
  { base, config }: RunFolders,
  prepared: Prepared,
  { backend }: Device,
): Promise<Facts> {
  const { trainingData, developmentData } = prepared.fingerprints;
  // Processes meet at checkpoints, too, whatever results depend on.
  const own = indifferentSettings.filter((name) => name !== "saveEvery");
  return {
    "version": metadata.version,
    "backend": backend.name,
    "base model": await weightsFingerprint(base.directory),
    "training data": trainingData,
    "development data": developmentData,
    "number of trained parameters": `${prepared.counts.trainable}`,
    ...settingFacts(config, [...own, "model", "data", "adapter"]),
  };
}

/** A task that all processes evaluate together, of which each may ask to stop after a round of batches. */
function sharedTask(task: Task, group: Group, stop: SharedStop): Task {
  if (group.size === 1) return task;
  const heeding = stop.heedingIn(group);
  return {
    ...task,
    evaluate: (model, device, options) =>
      task.evaluate(model, device, { ...options, group: heeding }),
  };
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
function writingTo(output: RunOutput, hooks: TrainHooks, { optimiser }: Prepared): FitHooks {
  const { signal, onProgress, onBest, group = alone } = hooks;
  const started = performance.now();
  return {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    async onStep(record, steps) {
      await output.append({ ...record, seconds: (performance.now() - started) / 1000 });
      await hooks.onStep?.(record, steps);
    },
    async beforeEvaluation() {
      await requireSameState(group, optimiser);
      await output.saveLast();
    },
    onPredictions: (predictions) => output.predicted(predictions),
    async onEvaluation(record, isBest) {
      await output.append(record);
      await hooks.onEvaluation?.(record, isBest);
    },
    async onBest(best) {
      await output.saveBest(best);
      await onBest?.(best);
    },
    async onCheckpoint(at, progress) {
      await requireSameState(group, optimiser);
      await output.checkpoint(at, progress);
    },
  };
}
