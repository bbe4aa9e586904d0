/**
 * The options of training, one row each: to add one, add a row. Sizes are in examples, tokens and
 * steps as their help says.
 *
 * @module
 */

import { glueTaskNames } from "../data/glue_tasks.ts";
import { textTaskNames } from "../data/text_tasks.ts";
import { beamOptions, generationGroup } from "./beam_options.ts";
import { deviceOptions } from "./device_options.ts";
import { dropoutOptions, loraOptions } from "./method_options.ts";
import type { OptionTable } from "./options.ts";

/** Tasks that can be trained. */
export const tasks: readonly [
  ...typeof glueTaskNames,
  ...typeof textTaskNames,
  "classification",
  "regression",
] = [...glueTaskNames, ...textTaskNames, "classification", "regression"];
/** A task, by name. */
export type TaskName = typeof tasks[number];

const usualLength: string = `128, ${textTaskNames.join(" and ")} 512; at most the model's`;

const dataOptions = {
  task: { group: "data", kind: "choice", choices: tasks, help: "what to train", required: true },
  data: {
    group: "data",
    kind: "text",
    help: "folder with published files, or a table for each split",
    required: true,
  },
  textA: {
    group: "data",
    kind: "text",
    help: "column of the first text in tables",
    defaultText: "text, or the task's",
  },
  textB: {
    group: "data",
    kind: "text",
    help: "column of the second text",
    defaultText: "none, or the task's",
  },
  label: { group: "data", kind: "text", help: "column of the label", defaultText: "label" },
  maxLength: {
    group: "data",
    kind: "integer",
    min: 4,
    help: "most tokens in a sequence",
    defaultText: usualLength,
  },
  bucket: {
    group: "data",
    kind: "switch",
    help: "draw batches from all lengths instead of similar ones",
    default: true,
  },
  trainLimit: {
    group: "data",
    kind: "integer",
    min: 1,
    help: "most training examples",
    defaultText: "all",
  },
  devLimit: {
    group: "data",
    kind: "integer",
    min: 1,
    help: "most evaluation examples",
    defaultText: "all",
  },
} as const satisfies OptionTable;

const modelOptions = {
  model: {
    group: "model",
    kind: "text",
    help: "folder of a model, or its repository on the hub: org/name[@revision]",
    required: true,
  },
  adapter: {
    group: "model",
    kind: "text",
    help: "start from this saved adapter, a folder or a repository",
    defaultText: "a new one",
  },
  half: {
    group: "model",
    kind: "switch",
    help: "keep frozen matrices in the 16 bits of their file",
    default: false,
  },
} as const satisfies OptionTable;

const optimiserOptions = {
  epochs: {
    group: "optimiser",
    kind: "number",
    above: 0,
    help: "passes over the training data",
    default: 3,
  },
  maxSteps: {
    group: "optimiser",
    kind: "integer",
    min: 1,
    help: "most optimiser steps",
    defaultText: "all of the epochs",
  },
  batch: { group: "optimiser", kind: "integer", min: 1, help: "examples in a batch", default: 16 },
  accumulate: {
    group: "optimiser",
    kind: "integer",
    min: 1,
    help: "batches in an optimiser step",
    default: 1,
  },
  lr: { group: "optimiser", kind: "number", min: 0, help: "peak learning rate", default: 5e-4 },
  warmup: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "warm-up: below 1 a share of the steps, else steps",
    default: 0.06,
  },
  weightDecay: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "decoupled weight decay of every trained parameter",
    default: 0,
  },
  decayExclude: {
    group: "optimiser",
    kind: "list",
    help: "parameters without decay: bias,norm as transformers' Trainer does",
    defaultText: "none",
  },
  beta1: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "decay of AdamW's first moment",
    default: 0.9,
  },
  beta2: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "decay of AdamW's second moment",
    default: 0.999,
  },
  loraplusRatio: {
    group: "optimiser",
    kind: "number",
    above: 0,
    help: "LoRA+: learning rate of B, biases and norms over that of A",
    default: 1,
  },
  epsilon: { group: "optimiser", kind: "number", min: 0, help: "epsilon of AdamW", default: 1e-8 },
  clip: {
    group: "optimiser",
    kind: "number",
    min: 0,
    help: "largest norm of the gradient, 0 for none",
    default: 1,
  },
  smoothing: {
    group: "optimiser",
    kind: "number",
    min: 0,
    below: 1,
    help: "label smoothing",
    default: 0,
  },
  seed: {
    group: "optimiser",
    kind: "integer",
    min: 0,
    help: "seed of order, initialisation and masks",
    default: 1,
  },
} as const satisfies OptionTable;

/** The options of `train`, in the order of its help. */
export const trainOptions = {
  ...dataOptions,
  ...modelOptions,
  ...loraOptions,
  ...dropoutOptions,
  ...optimiserOptions,
  ...deviceOptions,
  dtype: {
    group: "device",
    kind: "choice",
    choices: ["f32", "f64"],
    help: "float of all tensors",
    default: "f32",
  },
  newTokens: {
    group: generationGroup,
    kind: "integer",
    min: 1,
    help: "most tokens generated for each input",
    default: 64,
  },
  generate: {
    group: generationGroup,
    kind: "integer",
    min: 0,
    help: "inputs to generate for, 0 for none",
    defaultText: "all",
  },
  ...beamOptions,
  out: {
    group: "output",
    kind: "text",
    help: "new folder for adapter, metrics and checkpoints",
    defaultText: "nothing is saved",
  },
  saveEvery: {
    group: "output",
    kind: "integer",
    min: 1,
    help: "steps between checkpoints",
    defaultText: "none is saved",
  },
  tensorboard: {
    group: "output",
    kind: "switch",
    help: "write TensorBoard's event files beside metrics.jsonl",
    default: false,
  },
} as const satisfies OptionTable;
