/**
 * Configuration of a training run: a closed set of typed options, resolved from defaults, preset,
 * file and flags, in that order.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import {
  type DropoutPlan,
  dropoutPlan,
  type Method,
  methods,
  type PlanOptions,
  type Position,
  positions,
  type Structure,
  structures,
} from "../../nn/dropout/plan.ts";
import { type BackendName, deviceOptions, type KernelName } from "../device/backend.ts";
import { type BeamConfig, beamOptions } from "./beam_options.ts";
import { glueTaskNames } from "../data/glue_tasks.ts";
import { kebab, type OptionSpec, type OptionValues, unknownName } from "./options.ts";
import { textTaskNames } from "../data/text_tasks.ts";

/** Tasks that can be trained. */
export const tasks = [
  ...glueTaskNames,
  ...textTaskNames,
  "classification",
  "regression",
] as const;
const written = textTaskNames.join(", ");
/** A task, by name. */
export type TaskName = typeof tasks[number];

/** All settings of a run. Sizes are in examples, tokens and steps as their help says. */
export interface TrainConfig extends BeamConfig {
  /** Task. */
  readonly task: TaskName;
  /** Folder of the task's files. */
  readonly data: string;
  /** Column of the first or only text in tables. */
  readonly textA?: string;
  /** Column of the second text. */
  readonly textB?: string;
  /** Column of the label. */
  readonly label?: string;
  /** Folder of the base model, or its repository on the hub. */
  readonly model: string;
  /** Folder for the results. */
  readonly out?: string;
  /** Method of the paper. */
  readonly method: Method;
  /** Structure of every mask. */
  readonly structure?: Structure;
  /** Compensation. */
  readonly compensation?: "none" | "kl" | "js";
  /** Its weight. */
  readonly kl: number;
  /** Branches with a gradient. */
  readonly branches: number;
  /** Dropout rate, or rates by position. */
  readonly rate?: number | Partial<Record<Position, number>>;
  /** Layers with dropout. */
  readonly layers?: readonly string[];
  /** DropAttention's NoGrad. */
  readonly nograd: boolean;
  /** Where HiddenCut acts. */
  readonly point: "output" | "inner";
  /** Whether each head draws a mask. */
  readonly perHead: boolean;
  /** Tokens in a span. */
  readonly spanLength?: number;
  /** LoRA's rank. */
  readonly rank: number;
  /** LoRA's alpha. */
  readonly alpha: number;
  /** Rank-stabilised scaling. */
  readonly rslora: boolean;
  /** Modules to adapt. */
  readonly targets?: readonly string[];
  /** Passes over the data. */
  readonly epochs: number;
  /** Most optimiser steps. */
  readonly maxSteps?: number;
  /** Examples in a batch. */
  readonly batch: number;
  /** Batches in a step. */
  readonly accumulate: number;
  /** Peak learning rate. */
  readonly lr: number;
  /** Warm-up. */
  readonly warmup: number;
  /** Decoupled decay. */
  readonly weightDecay: number;
  /** Adam's first decay. */
  readonly beta1: number;
  /** Adam's second decay. */
  readonly beta2: number;
  /** Adam's epsilon. */
  readonly epsilon: number;
  /** Largest gradient norm. */
  readonly clip: number;
  /** Label smoothing. */
  readonly smoothing: number;
  /** Longest sequence. */
  readonly maxLength?: number;
  /** Whether batches hold examples of similar length. */
  readonly bucket: boolean;
  /** Seed. */
  readonly seed: number;
  /** Float of all tensors. */
  readonly dtype: "f32" | "f64";
  /** Whether frozen matrices keep the 16 bits of their file. */
  readonly half: boolean;
  /** Backend. */
  readonly backend: BackendName;
  /** Kind of CPU kernels. */
  readonly kernels: KernelName;
  /** CPU threads. */
  readonly threads?: number;
  /** BLAS for CPU products. */
  readonly blas: string;
  /** Steps between checkpoints. */
  readonly saveEvery?: number;
  /** Start from this adapter. */
  readonly adapter?: string;
  /** Most training examples. */
  readonly trainLimit?: number;
  /** Most evaluation examples. */
  readonly devLimit?: number;
  /** E2E and WebNLG: tokens generated for each input. */
  readonly newTokens: number;
  /** E2E and WebNLG: inputs generated for. */
  readonly generate?: number;
}

const text = (help: string, defaultText: string): OptionSpec => ({
  kind: "text",
  help,
  defaultText,
});
const needed = (help: string): OptionSpec => ({ kind: "text", help, required: true });
/** An integer; words instead of a number say what happens without it. */
const integer = (help: string, min: number, usual: number | string): OptionSpec =>
  typeof usual === "string"
    ? { kind: "integer", help, min, defaultText: usual }
    : { kind: "integer", help, min, default: usual };
const number = (help: string, usual: number, min = 0): OptionSpec => ({
  kind: "number",
  help,
  min,
  default: usual,
});

/** The options of `train`, in the order of its help. */
export const trainOptions: { readonly [K in keyof Required<TrainConfig>]: OptionSpec } = {
  task: { kind: "choice", choices: tasks, help: "what to train", required: true },
  data: needed("folder with published files, or a table for each split"),
  textA: text("column of the first text in tables", "text, or the task's"),
  textB: text("column of the second text", "none, or the task's"),
  label: text("column of the label", "label"),
  model: needed("folder of a model, or its repository on the hub: org/name[@revision]"),
  out: text("new folder for adapter, metrics and checkpoints", "nothing is saved"),
  method: { kind: "choice", choices: methods, help: "dropout method", default: "lora" },
  structure: {
    kind: "choice",
    choices: structures,
    help: "structure of every mask",
    defaultText: "the method's",
  },
  compensation: {
    kind: "choice",
    choices: ["none", "kl", "js"],
    help: "loss between two passes",
    defaultText: "the method's",
  },
  kl: number("weight of that loss", 1),
  branches: integer("branches of KL with a gradient, 1 or 2", 1, 1),
  rate: { kind: "rate", help: "dropout rate, or POSITION=RATE,…", defaultText: "0.1" },
  layers: {
    kind: "list",
    help: "layers with dropout: all, latter-half or numbers",
    defaultText: "all for encoders, latter-half for decoders",
  },
  nograd: { kind: "switch", help: "DropAttention without NoGrad", default: true },
  point: {
    kind: "choice",
    choices: ["output", "inner"],
    help: "HiddenCut after the feed-forward module or inside it",
    default: "output",
  },
  perHead: { kind: "switch", help: "one attention mask for all heads", default: true },
  spanLength: integer("tokens in a span", 1, "rate x length"),
  rank: integer("rank of LoRA", 1, 8),
  alpha: number("alpha of LoRA", 16),
  rslora: { kind: "switch", help: "scale LoRA by alpha/√rank", default: false },
  targets: { kind: "list", help: "modules to adapt", defaultText: "query and value" },
  epochs: number("passes over the training data", 3),
  maxSteps: integer("most optimiser steps", 1, "all of the epochs"),
  batch: integer("examples in a batch", 1, 16),
  accumulate: integer("batches in an optimiser step", 1, 1),
  lr: number("peak learning rate", 5e-4),
  warmup: number("warm-up: below 1 a share of the steps, else steps", 0.06),
  weightDecay: number("decoupled weight decay", 0),
  beta1: number("decay of AdamW's first moment", 0.9),
  beta2: number("decay of AdamW's second moment", 0.999),
  epsilon: number("epsilon of AdamW", 1e-8),
  clip: number("largest norm of the gradient, 0 for none", 1),
  smoothing: number("label smoothing", 0),
  maxLength: integer(
    "most tokens in a sequence",
    4,
    `128, ${textTaskNames.join(" and ")} 512; at most the model's`,
  ),
  bucket: { kind: "switch", help: "batches in random order of length", default: true },
  seed: integer("seed of order, initialisation and masks", 0, 1),
  dtype: { kind: "choice", choices: ["f32", "f64"], help: "float of all tensors", default: "f32" },
  half: { kind: "switch", help: "matrices keep the 16 bits of their file", default: false },
  ...deviceOptions,
  saveEvery: integer("steps between checkpoints", 1, "none is saved"),
  adapter: text("start from this saved adapter, a folder or a repository", "a new one"),
  trainLimit: integer("most training examples", 1, "all"),
  devLimit: integer("most evaluation examples", 1, "all"),
  newTokens: integer(`${written}: tokens generated for each input`, 1, 64),
  generate: integer(`${written}: inputs to generate for, 0 for none`, 0, "all"),
  ...beamOptions,
};

/**
 * Checks what no single option can.
 *
 * @throws {OptionError} If something required is missing or does not fit
 */
export function checkConfig(values: OptionValues): TrainConfig {
  for (const name of ["task", "data", "model"] as const) {
    if (values[name] === undefined) {
      throw new OptionError(`Cannot train without --${name}: it is required`);
    }
  }
  const config = values as unknown as TrainConfig;
  const refuse = (name: keyof TrainConfig, must: string): never => {
    const flag = `--${kebab(name)}`;
    throw new OptionError(`Cannot use ${flag} as it must be ${must}: found ${config[name]}`);
  };
  if (!(config.epochs > 0)) refuse("epochs", "above 0");
  if (!(config.repetitionPenalty > 0)) refuse("repetitionPenalty", "above 0");
  if (config.branches > 2) refuse("branches", "1 or 2");
  for (const name of ["smoothing", "beta1", "beta2"] as const) {
    if (!(config[name] < 1)) refuse(name, "below 1");
  }
  if (typeof config.rate === "object") {
    for (const name of Object.keys(config.rate)) {
      if (!(positions as readonly string[]).includes(name)) {
        throw unknownName(name, positions, " in --rate");
      }
    }
  }
  planOf(config, false);
  return config;
}

/** The dropout plan of a configuration. */
export function planOf(config: TrainConfig, decoder: boolean): DropoutPlan {
  const { rate, structure, compensation, layers, spanLength } = config;
  const options: PlanOptions = {
    klWeight: config.kl,
    branches: config.branches as 1 | 2,
    noGrad: config.nograd,
    point: config.point,
    perHead: config.perHead,
    ...(rate === undefined ? {} : { rate }),
    ...(structure === undefined ? {} : { structure }),
    ...(compensation === undefined ? {} : { compensation }),
    ...(layers === undefined ? {} : { layers: layersOf(layers) }),
    ...(spanLength === undefined ? {} : { spanLength }),
  };
  return dropoutPlan(config.method, decoder, options);
}

/**
 * Checks the numbers of layers against a model.
 *
 * @param count Layers of the model
 * @throws {OptionError} If a layer lies beyond it
 */
export function checkLayers({ layers = [] }: TrainConfig, count: number): void {
  const beyond = layers.find((word) => Number(word) >= count);
  if (beyond === undefined) return;
  throw new OptionError(
    `Cannot use --layers as the model has the layers 0 to ${count - 1}: found ${beyond}`,
  );
}

function layersOf(words: readonly string[]): "all" | "latter-half" | number[] {
  const [first] = words;
  if (words.length === 1 && (first === "all" || first === "latter-half")) return first;
  return words.map((word) => {
    const layer = Number(word);
    if (!Number.isSafeInteger(layer) || layer < 0) {
      throw new OptionError(
        `Cannot use --layers as all, latter-half or numbers are required: found ${word}`,
      );
    }
    return layer;
  });
}
