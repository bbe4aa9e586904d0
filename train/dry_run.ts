/**
 * A run that is not made: what its first examples look like, how long they are, what it needs of memory
 * and time. Nothing is written; what a download fetches stays in the hub's cache.
 *
 * @module
 */

import type { Device } from "../core/device.ts";
import { sizeOf } from "../core/shape.ts";
import type { EncodedExample } from "../nn/layers/batch.ts";
import { packRows } from "../nn/layers/pack_rows.ts";
import { isPredicted } from "../nn/layers/target_spans.ts";
import type { Tokenizer } from "../nn/tokenizer/tokenizer.ts";
import type { TrainConfig } from "./config/config.ts";
import { batchesOfStep } from "./data/batches.ts";
import { openDevice } from "./device/backend.ts";
import { fit, planSteps, windowsOf } from "./fit.ts";
import { RunPlace } from "./run/run_place.ts";
import { restoreCheckpoint } from "./run/training_checkpoint.ts";
import { longestOf, paddedWidth } from "./step.ts";
import { locateFolders } from "./run/run_folders.ts";
import { prepare, type Prepared, type TrainHooks } from "./train.ts";

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

/** Bytes by what they are for. */
export interface MemoryParts {
  /** Parameters that stay as they are, and all else that was on the device before the first step. */
  readonly frozen: number;
  /** Trained parameters. */
  readonly trained: number;
  /** Their gradient. */
  readonly gradient: number;
  /** The optimiser's state. */
  readonly moments: number;
  /** What the largest step held beside all that: activations above all. */
  readonly activations: number;
  /** Whether no more than that is known of the activations, as loading held more. */
  readonly atMost: boolean;
  /** Tokens of the training examples, outside the device; an estimate. */
  readonly data: number;
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
  /** Seconds of the steps that are to come, and those that were measured for it. */
  readonly time: { readonly seconds: number; readonly measured: readonly number[] };
}

/**
 * Prepares a run, makes some of its steps in memory, and forgets them.
 *
 * @throws {OptionError | FileError | DownloadError | TrainingError} Where the run would fail so far
 */
export async function dryRun(given: TrainConfig, hooks: TrainHooks = {}): Promise<DryRun> {
  const folders = await locateFolders(given, hooks);
  const { config } = folders;
  const { device, reason } = await openDevice(config);
  await using _device = device;
  using _run = device.scope("run");
  hooks.onMessage?.(`backend: ${reason}`);
  // Without a folder nothing is locked.
  const { out: _, ...elsewhere } = config;
  await using place = await RunPlace.open(elsewhere, hooks);
  const prepared = await prepare(folders, device, { ...hooks, place });
  const { task, optimiser } = prepared;
  const checkpoint = place.resumed?.checkpoint;
  if (checkpoint !== undefined) await restoreCheckpoint(checkpoint, optimiser);
  const done = optimiser.steps;
  const { perEpoch, steps } = planSteps(config, task.train.length);
  const { memory, perToken, measured, tokens } = await measure(prepared, config, device);
  return {
    examples: shownExamples(prepared, config),
    lengths: task.train.map(({ ids }) => ids.length).sort((a, b) => a - b),
    cut: task.cut,
    steps: { all: steps, perEpoch, done },
    memory,
    time: { seconds: Math.max(0, steps - done) * (tokens / perEpoch) * perToken, measured },
  };
}

/** The longest, a middle and the shortest example of the first batch of the first step. */
function shownExamples(
  { task, tokenizer, keys, model }: Prepared,
  config: TrainConfig,
): ShownExample[] {
  const members = windowsOf(task, config, keys.order)(0);
  const lengths = members.map((number) => task.train[number]!.ids.length);
  const batch = batchesOfStep(lengths, config)[0]!.map((position) => members[position]!);
  batch.sort((a, b) => task.train[b]!.ids.length - task.train[a]!.ids.length);
  const width = paddedWidth([task.train[batch[0]!]!.ids.length], config, model);
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

/** Makes three steps: that of the largest batch, for the memory, and two middle ones, for the time. */
async function measure(prepared: Prepared, config: TrainConfig, device: Device) {
  const { task, keys, model } = prepared;
  const { perEpoch } = planSteps(config, task.train.length);
  const windowOf = windowsOf(task, config, keys.order);
  const longest = longestOf(task);
  const windows = Array.from({ length: perEpoch }, (_, step) => {
    const lengths = windowOf(step).map((number) => task.train[number]!.ids.length);
    const batches = batchesOfStep(lengths, config)
      .map((batch) => batch.map((position) => lengths[position]!))
      .map((own) =>
        config.pack ? packedTokens(own, longest) : own.length * paddedWidth(own, config, model)
      );
    const tokens = batches.reduce((sum, x) => sum + x, 0);
    return { step, tokens, largest: Math.max(...batches) };
  });
  const { statistics } = device.backend;
  const held = { bytes: statistics.bytes, peak: statistics.peakBytes };
  const largest = windows.reduce((a, b) => b.largest > a.largest ? b : a);
  await secondsOf(prepared, config, largest.step);
  const peak = statistics.peakBytes;
  const middle = windows.toSorted((a, b) => a.tokens - b.tokens)[Math.floor(perEpoch / 2)]!;
  const measured = [];
  for (let i = 0; i < 2; i++) measured.push(await secondsOf(prepared, config, middle.step));
  const { trained, gradient, moments } = optimiserBytes(prepared);
  return {
    memory: {
      frozen: held.bytes - trained - gradient - moments,
      trained,
      gradient,
      moments,
      activations: peak - held.bytes,
      atMost: peak === held.peak,
      data: dataBytes(task.train),
    },
    perToken: measured.reduce((sum, x) => sum + x, 0) / (2 * middle.tokens),
    measured,
    tokens: windows.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}

/** Tokens of the rows that examples share, padding included. */
function packedTokens(lengths: readonly number[], most: number): number {
  const { size, width } = packRows(lengths, most);
  return size * width;
}

/** Makes one step of the run, without evaluation, and gives its seconds. */
async function secondsOf(
  { task, model, optimiser, plan, keys }: Prepared,
  config: TrainConfig,
  step: number,
): Promise<number> {
  const { maxSteps: _, saveEvery: __, bestMetric: ___, ...rest } = config;
  const settings = {
    task: { ...task, evaluate: () => Promise.resolve({ loss: 0, [task.primary]: 0 }) },
    config: { ...rest, evalStart: false, epochs: Math.max(1, config.epochs) },
    plan,
    key: keys.masks,
    orderKey: keys.order,
  };
  const stop = new AbortController();
  optimiser.steps = step;
  const started = performance.now();
  let ended = started;
  await fit({ model, optimiser }, settings, {
    signal: stop.signal,
    onStep() {
      ended = performance.now();
      stop.abort();
    },
  });
  return (ended - started) / 1000;
}

function optimiserBytes({ optimiser: { trainable, state } }: Prepared) {
  const size = trainable.flat.dtype === "f64" ? 8 : 4;
  const moments = Object.values(state).reduce((sum, { shape }) => sum + size * sizeOf(shape), 0);
  const trained = size * sizeOf(trainable.flat.shape);
  return { trained, gradient: trained, moments };
}

/** Numbers of JavaScript take eight bytes in lists, as an upper estimate. */
function dataBytes(examples: readonly EncodedExample[]): number {
  return examples.reduce(
    (sum, { ids, typeIds = [] }) => sum + 8 * (ids.length + typeIds.length),
    0,
  );
}
