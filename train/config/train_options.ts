/**
 * The options of training, one row each: to add one, add a row. Sizes are in examples, tokens and
 * steps as their help says.
 *
 * @module
 */

import { quantisedFormats } from "../../core/dtype.ts";
import { glueTaskNames } from "../data/glue_tasks.ts";
import { ownTextNames, publishedTextNames, textTaskNames } from "../data/text_tasks.ts";
import { beamOptions, generationGroup } from "./beam_options.ts";
import { deviceOptions } from "./device_options.ts";
import { distributedOptions } from "./distributed_options.ts";
import { dropoutOptions, loraOptions } from "./method_options.ts";
import { optimiserOptions } from "./optimiser_options.ts";
import type { OptionTable } from "./options.ts";
import { evaluationOptions, outputOptions } from "./run_options.ts";

/** Tasks that can be trained. */
export const tasks: readonly [
  ...typeof glueTaskNames,
  ...typeof textTaskNames,
  "classification",
  "regression",
] = [...glueTaskNames, ...textTaskNames, "classification", "regression"];
/** A task, by name. */
export type TaskName = typeof tasks[number];

/** Parts of the development data that `--dev-part` takes. */
export const devParts = ["all", "select", "report"] as const;
/** A part of the development data. */
export type DevPart = typeof devParts[number];

const usualLength: string = `128, ${publishedTextNames.join(" and ")} 512, ` +
  `${ownTextNames.join(" and ")} 1024; at most the model's`;

const usuallyWritten: string = `all, ${ownTextNames.join(" and ")} 0`;

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
  pack: {
    group: "data",
    kind: "switch",
    help:
      "let texts of language models share rows as long as the longest: less padding, the same masks",
    default: false,
  },
  padMultiple: {
    group: "data",
    kind: "integer",
    min: 1,
    below: 4097,
    help:
      "fill rows and predicted tokens of training batches up to a multiple: fewer shapes, the same masks",
    defaultText: "16 on CUDA, else 1",
  },
  trainLimit: {
    group: "data",
    kind: "integer",
    min: 1,
    help: "most training examples",
    defaultText: "all",
  },
  devFraction: {
    group: "data",
    kind: "number",
    above: 0,
    below: 1,
    help: "share of the training examples that is held back to evaluate, instead of the dev file",
    defaultText: "none",
  },
  devPart: {
    group: "data",
    kind: "choice",
    choices: devParts,
    help: "half of the dev file that is evaluated: one to choose settings by, the other to report",
    default: "all",
  },
  dropLast: {
    group: "data",
    kind: "switch",
    help: "leave the last partial batch of each epoch out",
    default: false,
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
    help: "folder of a model, a GGUF file, or a repository on the hub: org/name[@revision]",
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
  quantize: {
    group: "model",
    kind: "choice",
    choices: quantisedFormats,
    help: "keep frozen matrices of the layers in 8 bits, or in 4 as QLoRA does",
    defaultText: "none",
  },
  gradientCheckpointing: {
    group: "model",
    kind: "switch",
    help: "compute layers again in the backward pass: less memory, more time, the same bits",
    default: false,
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
  ...distributedOptions,
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
    defaultText: usuallyWritten,
  },
  ...beamOptions,
  ...evaluationOptions,
  ...outputOptions,
} as const satisfies OptionTable;
