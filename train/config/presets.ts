/**
 * Presets by name: recipes with hyper-parameters as published, and regularisers of their own.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import type { GivenConfig } from "./config.ts";
import { unknownName } from "./nearest.ts";
import type { Layer } from "./parse.ts";
import { type RegulariserName, regularisers } from "./regularisers.ts";
import type { TaskName, trainOptions } from "./train_options.ts";

/** Recipes by name, with what help says of them. */
const recipes = {
  paper: "tables 6 and 7 of the paper, by task and architecture",
  lora: "microsoft/LoRA, examples/NLG, where it differs from the paper: e2e, webnlg",
} as const;
/** A recipe, by name. */
type Recipe = keyof typeof recipes;
/** A preset, by name. */
export type PresetName = Recipe | RegulariserName;

/** Names of all presets, and what help says of them. */
export const presetRows: readonly (readonly [PresetName, string])[] = [
  ...Object.entries(recipes) as [Recipe, string][],
  ...Object.entries(regularisers).map(([name, { help }]) =>
    [name as RegulariserName, help] as const
  ),
];

const understanding = { weightDecay: 0.1, warmup: 0.06, rank: 8, alpha: 16 } as const;

/** Tables 6 and 7 of the paper: RoBERTa-large for GLUE, GPT-2 medium for E2E and WebNLG. */
const paper: Partial<Record<TaskName, GivenConfig>> = {
  rte: { ...understanding, lr: 4e-4, epochs: 30, batch: 64, maxLength: 512 },
  mrpc: { ...understanding, lr: 3e-4, epochs: 30, batch: 32, maxLength: 512 },
  stsb: { ...understanding, lr: 3e-4, epochs: 10, batch: 32, maxLength: 128 },
  sst2: { ...understanding, lr: 4e-4, epochs: 10, batch: 64, maxLength: 512 },
  cola: { ...understanding, lr: 2e-4, epochs: 40, batch: 32, maxLength: 128 },
  qnli: { ...understanding, lr: 2e-4, epochs: 10, batch: 32, maxLength: 512 },
  e2e: {
    weightDecay: 0.01,
    warmup: 500,
    rank: 4,
    alpha: 32,
    lr: 2e-4,
    epochs: 5,
    batch: 8,
    smoothing: 0.1,
    maxLength: 512,
    beams: 10,
    lengthPenalty: 0.9,
    noRepeatNgram: 4,
    beamConvention: "lora",
  },
};

/**
 * The same tables for LLaMA2-7B. Of E2E the paper gives one epoch and greedy search, and as many
 * trained parameters as rank 8 has; what it does not give is as for GPT-2.
 */
const paperLlama: Partial<Record<TaskName, GivenConfig>> = {
  rte: { ...understanding, lr: 5e-4, epochs: 10, batch: 64, maxLength: 512 },
  mrpc: { ...understanding, lr: 5e-4, epochs: 8, batch: 32, maxLength: 512 },
  e2e: {
    ...paper.e2e,
    rank: understanding.rank,
    alpha: understanding.alpha,
    epochs: 1,
    beams: 1,
    lengthPenalty: 1,
    noRepeatNgram: 0,
  },
};

/** The README of microsoft/LoRA, examples/NLG, where it differs from the paper. */
const lora: GivenConfig = {
  method: "lora-dropout",
  rate: 0.1,
  epsilon: 1e-6,
  clip: 0,
  bucket: false,
  seed: 110,
  lengthPenalty: 0.8,
};

const tables: Readonly<Record<Recipe, Partial<Record<TaskName, GivenConfig>>>> = {
  paper: { ...paper, webnlg: { ...paper.e2e, lengthPenalty: 0.8 } },
  lora: { e2e: { ...paper.e2e, ...lora }, webnlg: { ...paper.e2e, ...lora } },
};

/** What holds for the models of one architecture instead. */
const byArchitecture: Readonly<
  Record<Recipe, Record<string, Partial<Record<TaskName, GivenConfig>>>>
> = { paper: { llama: paperLlama }, lora: {} };

/**
 * Requires words to name presets.
 *
 * @throws {OptionError} If one of them does not
 */
export function requirePresets(words: readonly string[]): asserts words is readonly PresetName[] {
  const known: readonly string[] = presetRows.map(([name]) => name);
  const strange = words.find((word) => !known.includes(word));
  if (strange !== undefined) throw unknownName(strange, known, " in --preset");
}

/** Whether the settings of a preset depend on the architecture of the model. */
export function dependsOnModel(name: PresetName): boolean {
  return isRecipe(name) && Object.keys(byArchitecture[name]).length > 0;
}

function isRecipe(name: PresetName): name is Recipe {
  return Object.hasOwn(recipes, name);
}

/**
 * Settings of presets, the later the stronger: a site takes the place of an earlier one of its
 * position and stands beside the others.
 *
 * @param architecture That of the model, where {@linkcode dependsOnModel} says so
 * @throws {OptionError} If a preset has none for the task
 */
export function presetLayers(
  names: readonly PresetName[],
  task: TaskName,
  architecture?: string,
): Layer<typeof trainOptions>[] {
  const given = names.map((name) => ({ name, values: presetFor(name, task, architecture) }));
  const layers = given.map(({ name, values }) => ({ source: `preset ${name}`, values }));
  const placing = given.filter(({ values }) => values.site !== undefined);
  if (placing.length < 2) return layers;
  const sites = placing.flatMap(({ values }) => values.site!);
  const site = [...new Map(sites.map((one) => [one.position, one])).values()];
  const source = `preset ${placing.map(({ name }) => name).join(", ")}`;
  return [...layers, { source, values: { site } }];
}

/**
 * Settings of a preset for a task.
 *
 * @param architecture That of the model, where {@linkcode dependsOnModel} says so
 * @throws {OptionError} If the preset has none for it
 */
export function presetFor(
  name: PresetName,
  task: TaskName,
  architecture?: string,
): GivenConfig {
  if (!isRecipe(name)) return regularisers[name].settings;
  const own = Object.entries(byArchitecture[name]).find(([family]) => family === architecture);
  const [family, table] = own ?? ["", tables[name]];
  const found = table[task];
  if (found !== undefined) return found;
  const use = own === undefined ? task : `${task} with the architecture ${family}`;
  throw new OptionError(
    `Cannot use preset ${name} for ${use} as it has settings for ${Object.keys(table).join(", ")}`,
  );
}
