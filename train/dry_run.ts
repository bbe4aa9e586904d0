/**
 * A run that is not made: what its first examples look like, how long they are, what it needs of memory
 * and time. Nothing is written; what a download fetches stays in the hub's cache.
 *
 * @module
 */

import { isPredicted } from "../nn/layers/target_spans.ts";
import type { Tokenizer } from "../nn/tokenizer/tokenizer.ts";
import type { TrainConfig } from "./config/config.ts";
import { batchesOfStep } from "./data/batches.ts";
import { type FreeMemory, freeMemory, isOnHost } from "./device/available_memory.ts";
import { openDevice } from "./device/backend.ts";
import { withDeviceDefaults } from "./device/device_defaults.ts";
import { planSteps, windowsOf } from "./fit.ts";
import { type MemoryParts, missingMemory, planMemory } from "./memory_plan.ts";
import { makeStep, stepSizes } from "./one_step.ts";
import { type Prepared, prepareData, type PreparedData, prepareModel } from "./prepare.ts";
import { locateFolders } from "./run/run_folders.ts";
import { RunPlace } from "./run/run_place.ts";
import { restoreCheckpoint } from "./run/training_checkpoint.ts";
import { paddedWidth } from "./step.ts";
import type { TrainHooks } from "./train.ts";

/** One training example, as the model is shown it. */
export interface ShownExample {
  /** Its number among the training examples, from 0. */
  readonly number: number;
  /** Text, number and segment of each token, and whether the loss is on its prediction. */
  readonly tokens: readonly ShownToken[];
  /** Tokens that fill it up to the width of its batch, which packed ones are not; attention never sees them. */
  readonly padding: number;
  /** Word of its class, or its score; undefined where the tokens are predicted. */
  readonly label: string | undefined;
}

/** A token of an example. */
export interface ShownToken {
  /** What it stands for, spaces included. */
  readonly text: string;
  /** Its number in the vocabulary. */
  readonly id: number;
  /** Its segment. */
  readonly segment: number;
  /** Whether the loss counts how well it is predicted. */
  readonly predicted: boolean;
}

/** What is known of a run before it is made. */
export interface DryRun {
  /** Three examples of the first batch: the longest, a middle one and the shortest. */
  readonly examples: readonly ShownExample[];
  /** Tokens of all training examples, ascending. */
  readonly lengths: readonly number[];
  /** Training examples that lost tokens. */
  readonly cut: number;
  /** Steps of the run, of an epoch, and done before. */
  readonly steps: { readonly all: number; readonly perEpoch: number; readonly done: number };
  /** Bytes by what they are for. */
  readonly memory: MemoryParts;
  /** Bytes that are free for the tensors; undefined where nobody says. */
  readonly free: FreeMemory | undefined;
  /** Whether tensors lie in the memory that the process has, else in that of a card. */
  readonly onHost: boolean;
  /** Why it cannot be made, where it does not fit the memory that is free. */
  readonly missing: string | undefined;
  /**
   * Seconds of the steps that are to come, and those that were measured for it; undefined where it does
   * not fit.
   */
  readonly time: DryRunTime | undefined;
}

/** Seconds of a run's steps. */
export interface DryRunTime {
  /** Of those that are to come. */
  readonly seconds: number;
  /** Of two that were made. */
  readonly measured: readonly number[];
}

/**
 * Prepares a run, makes some of its steps in memory, and forgets them.
 *
 * @throws {OptionError | FileError | DownloadError | TrainingError} Where the run would fail so far
 */
export async function dryRun(given: TrainConfig, hooks: TrainHooks = {}): Promise<DryRun> {
  const located = await locateFolders(given, hooks);
  const { device, reason } = await openDevice(located.config);
  await using _device = device;
  const config = withDeviceDefaults(located.config, device.backend);
  const folders = { ...located, config };
  using _run = device.scope("run");
  hooks.onMessage?.(`backend: ${reason}`);
  // Without a folder nothing is locked.
  const { out: _, ...elsewhere } = located.config;
  await using place = await RunPlace.open(elsewhere, hooks);
  const data = await prepareData(folders, place, hooks);
  const memory = await planMemory(folders, data, device);
  const free = await freeMemory(device.backend);
  const missing = await missingMemory(folders, data, device, memory, { free });
  const { task } = data;
  const { step: done = 0, checkpoint } = place.resumed ?? {};
  const { perEpoch, steps } = planSteps(config, task.train.length);
  const timed = async () => {
    const prepared = await prepareModel(folders, data, device, hooks);
    if (checkpoint !== undefined) await restoreCheckpoint(checkpoint, prepared.optimiser);
    return await timeOf(prepared, config, Math.max(0, steps - done));
  };
  return {
    examples: shownExamples(data, config),
    lengths: task.train.map(({ ids }) => ids.length).sort((a, b) => a - b),
    cut: task.cut,
    steps: { all: steps, perEpoch, done },
    memory,
    free,
    onHost: isOnHost(device.backend),
    missing,
    time: missing === undefined ? await timed() : undefined,
  };
}

/** Makes two middle steps, and tells from them the time of so many. */
async function timeOf(prepared: Prepared, config: TrainConfig, steps: number): Promise<DryRunTime> {
  const sizes = stepSizes(prepared, config);
  const middle = sizes.toSorted((a, b) => a.tokens - b.tokens)[Math.floor(sizes.length / 2)]!;
  const measured: number[] = [];
  for (let i = 0; i < 2; i++) {
    measured.push(await makeStep(prepared, prepared, config, middle.step));
  }
  const perToken = measured.reduce((sum, x) => sum + x, 0) / (2 * middle.tokens);
  const tokens = sizes.reduce((sum, step) => sum + step.tokens, 0);
  return { seconds: steps * (tokens / sizes.length) * perToken, measured };
}

/** The longest, a middle and the shortest example of the first batch of the first step. */
function shownExamples(
  { task, tokenizer, keys, architecture }: PreparedData,
  config: TrainConfig,
): ShownExample[] {
  const members = windowsOf(task, config, keys.order)(0);
  const lengths = members.map((number) => task.train[number]!.ids.length);
  const batch = batchesOfStep(lengths, config)[0]!.map((position) => members[position]!);
  batch.sort((a, b) => task.train[b]!.ids.length - task.train[a]!.ids.length);
  const width = paddedWidth([task.train[batch[0]!]!.ids.length], config, {
    config: architecture,
  });
  const places = new Set([0, Math.floor(batch.length / 2), batch.length - 1]);
  return [...places].map((place) => {
    const number = batch[place]!;
    const example = task.train[number]!;
    const { ids, typeIds, label } = example;
    const tokens = ids.map((id, i): ShownToken => ({
      text: textOf(tokenizer, id),
      id,
      segment: typeIds?.[i] ?? 0,
      predicted: isPredicted(example, i),
    }));
    const word = label === undefined ? undefined : task.classes[label] ?? `${label}`;
    return { number, tokens, padding: config.pack ? 0 : width - ids.length, label: word };
  });
}

/** A token as it stands behind another one: some have a space before them there that they lose alone. */
function textOf(tokenizer: Tokenizer, id: number): string {
  const alone = tokenizer.decode([id], { skipSpecial: false });
  const isSpecial = tokenizer.decode([id]) === "" && alone !== "";
  return isSpecial ? alone : tokenizer.decode([id, id]).slice(alone.length);
}
