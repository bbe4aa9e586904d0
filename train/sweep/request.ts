/**
 * What a sweep is asked for, by a preset, a file or flags; the later hold against the earlier.
 *
 * @module
 */

import type { GivenConfig } from "../config/config.ts";
import type { TaskName } from "../config/train_options.ts";
import type { SweepMethod } from "./methods.ts";

/** On what tuning judges: a part of the training data, or one half of the development data. */
export const tuneParts = ["held-back", "dev-half"] as const;
/** On what tuning judges. */
export type TunePart = typeof tuneParts[number];

/** A task of a sweep. */
export interface SweepTask {
  /** What is trained. */
  readonly task: TaskName;
  /** Settings of its runs, which hold against those of all runs. */
  readonly settings: GivenConfig;
}

/** Values by option. */
export type Grids = Readonly<Record<string, readonly number[]>>;

/** What is asked for. */
export interface SweepRequest {
  /** Name of the preset or file. */
  readonly name: string;
  /** What is trained. */
  readonly tasks: readonly SweepTask[];
  /** How. */
  readonly methods: readonly SweepMethod[];
  /** Name of the method that the others are compared with; default the first. */
  readonly baseline?: string | undefined;
  /** Values that arms differ in, by option. */
  readonly vary?: Readonly<Record<string, readonly (number | string)[]>> | undefined;
  /** Options that are tuned. */
  readonly tune?: readonly string[] | undefined;
  /** Values tried of what is tuned; default {@linkcode usualGrid}. */
  readonly grids?: Grids | undefined;
  /** On what tuning judges; default `held-back`. */
  readonly tuneOn?: TunePart | undefined;
  /** Seeds of each point that is tried; default 2. */
  readonly tuneSeeds?: number | undefined;
  /** Seeds that are reported, from 1 on; default 10. */
  readonly seeds?: number | undefined;
  /** Presets of `train` that runs begin with, the later the stronger; default the paper's. */
  readonly presets?: readonly string[] | undefined;
  /** Settings of all runs, which hold against those of presets. */
  readonly settings?: GivenConfig | undefined;
  /** Folder or repository of the model. */
  readonly model?: string | undefined;
  /** Folder with a folder for each task. */
  readonly data?: string | undefined;
}

/** Rates and weights of KL that the paper tried. */
const rates = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2];
const weights = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
/** The paper does not tune it: a factor of two to 2.5 between each two, around its values. */
const learningRates = [1e-4, 2e-4, 5e-4, 1e-3, 2e-3];

/** Rates that the paper tried on RTE. */
export const ratesOfRte: readonly number[] = [...rates, 0.25, 0.3];

/** Options that have usual values to try. */
export const usuallyTuned = ["lr", "rate", "kl"] as const;

/** Values of an option that are tried on a task where nothing else is asked for; undefined for others. */
export function usualGrid(option: string, task: TaskName): readonly number[] | undefined {
  if (option === "lr") return learningRates;
  if (option === "kl") return weights;
  if (option === "rate") return task === "rte" ? ratesOfRte : rates;
  return undefined;
}
