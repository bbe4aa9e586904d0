/**
 * The recipe: from a configuration to a trained adapter. The command line is one caller of it.
 *
 * @module
 */

import { OptionError } from "../core/errors.ts";
import type { TrainConfig } from "./config/config.ts";
import { kebab } from "./config/options.ts";
import { openDevice } from "./device/backend.ts";
import { fit, type FitHooks, type FitResult } from "./fit.ts";
import type { DownloadHooks } from "./hub/download.ts";
import { requireMemory } from "./memory_plan.ts";
import { locateFolders, prepareData, prepareModel } from "./prepare.ts";
import type { ParameterCounts } from "./run/describe.ts";
import type { Resumed } from "./run/resume.ts";
import { RunOutput } from "./run/run_output.ts";
import { type ResumeOptions, RunPlace } from "./run/run_place.ts";
import { savedResult } from "./run/saved_result.ts";

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
  const data = await prepareData(folders, place, hooks);
  await requireMemory(folders, data, device);
  const prepared = await prepareModel(folders, data, device, hooks);
  const { task, plan, keys, counts } = prepared;
  const { config } = folders;
  const { layers } = prepared.architecture;
  const facts = { ...counts, backend: reason, layers, ...prepared.fingerprints };
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
