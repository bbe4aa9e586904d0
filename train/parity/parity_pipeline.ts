/**
 * Pipeline parity: from the text of a GLUE file through tokenizer, batches and optimiser steps to
 * the logits of the development set, against reference values computed in double precision.
 *
 * @module
 */

import type { Device } from "../../core/device.ts";
import { FileError } from "../../core/errors.ts";
import { seedKey } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { isRecord } from "../../nn/formats/json_record.ts";
import { type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import type { Model } from "../../nn/models/model.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { readGlue } from "../data/glue.ts";
import { type GlueTask, glueTasks } from "../data/glue_tasks.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { readJson } from "../files/files.ts";
import { loadAdapter } from "../run/adapter.ts";
import { openClassifier, readConfig } from "../run/load_model.ts";
import { loadTokenizer } from "../run/load_tokenizer.ts";
import { encodeExamples } from "../tasks/encode_examples.ts";
import { Comparison, type ParityRow } from "./parity_rows.ts";
import { caseOptimiser, type CaseSteps, type CaseTraining, compareSteps } from "./parity_steps.ts";

interface PipelineCase extends CaseSteps {
  readonly case: string;
  readonly task: GlueTask;
  readonly model: string;
  readonly train_file: string;
  readonly dev_file: string;
  readonly training: CaseTraining & { readonly batch: number; readonly max_length: number };
  readonly first_batch_input_ids: number[][];
  readonly trainable: number;
}

/** Tolerances of pipeline parity, relative to a quantity's largest value. */
export function pipelineTolerances(device: Device): { figures: number; logits: number } {
  if (device.backend.name === "webgpu") return { figures: 5e-3, logits: 5e-3 };
  return device.float === "f64" ? { figures: 1e-8, logits: 1e-8 } : { figures: 1e-5, logits: 2e-5 };
}

/**
 * Compares one pipeline case.
 *
 * @param directory Folder with case.json, adapter and expected.safetensors
 * @param root Folder below which the model and the data that the case names lie
 * @throws {FileError} If the case, its model or its data cannot be read
 */
export async function comparePipeline(
  directory: string,
  root: string,
  device: Device,
): Promise<ParityRow[]> {
  const spec = await readCase(`${directory}/case.json`);
  using expected = await Checkpoint.open(`${directory}/expected.safetensors`);
  const tolerances = pipelineTolerances(device);
  const rows = new Comparison(spec.case, expected, tolerances.figures);
  const outputs = new Comparison(spec.case, expected, tolerances.logits);
  using _scope = device.scope(spec.case);

  const { batch: size, max_length: maxLength, total_steps: steps } = spec.training;
  const tokenizer = await loadTokenizer(`${root}/${spec.model}`);
  const config = await readConfig(`${root}/${spec.model}`);
  const padId = tokenizer.padId ?? 0;
  const read = async (path: string, split: "train" | "dev", count: number) => {
    const folder = `${root}/${path}`.replace(/\/[^/]*$/, "");
    const examples = (await readGlue(spec.task, folder, split)).slice(0, count);
    return encodeExamples(examples, { config, tokenizer, maxLength });
  };
  const train = await read(spec.train_file, "train", size * steps);
  const devRows = expected.entry("dev.logits.before").shape[0]!;
  const dev = await read(spec.dev_file, "dev", devRows);
  const first = toBatch(device, train.slice(0, size).map(unlabelled), { padId });
  rows.tokens(
    "first_batch_input_ids",
    [...await first.ids.read()],
    spec.first_batch_input_ids.flat(),
  );

  const { labels, range } = glueTasks[spec.task];
  const regression = range !== undefined;
  const classes = regression ? 1 : labels.length;
  const { model } = await openClassifier(`${root}/${spec.model}`, device, seedKey(0), classes);
  await loadAdapter(model, `${directory}/adapter`, device);
  const trainable = await Trainable.of(model, device);
  const optimiser = caseOptimiser(trainable, spec.training);
  rows.tokens("trainable", [sizeOf(trainable.flat.shape)], [spec.trainable]);

  const logits = async (name: string) => {
    const actual = await classifyAll(model, dev, size, padId, device);
    outputs.numbers(name, actual, await expected.readFloat(name, "f64"));
  };
  await logits("dev.logits.before");
  const batchOf = (step: number) => {
    const examples = train.slice(step * size, (step + 1) * size);
    const numbers = examples.map((_, b) => b);
    return toBatch(device, examples, { numbers, padId, regression });
  };
  await compareSteps(rows, { model, optimiser }, spec, batchOf, regression);
  await logits("dev.logits.after");
  return rows.finish(outputs);
}

async function classifyAll(
  model: Model,
  examples: readonly EncodedExample[],
  size: number,
  padId: number,
  device: Device,
): Promise<number[]> {
  const all: number[] = [];
  for (let start = 0; start < examples.length; start += size) {
    using _batch = device.scope("batch");
    const batch = toBatch(device, examples.slice(start, start + size).map(unlabelled), { padId });
    all.push(...await model.forward({ batch }).logits.read());
  }
  return all;
}

const numbersOf = (value: unknown) =>
  Array.isArray(value) && value.every((item) => typeof item === "number");

/** What each key of a case must be. */
const required: Readonly<Record<keyof PipelineCase, (value: unknown) => boolean>> = {
  case: (value) => typeof value === "string",
  task: (value) => typeof value === "string" && Object.hasOwn(glueTasks, value),
  model: (value) => typeof value === "string",
  train_file: (value) => typeof value === "string",
  dev_file: (value) => typeof value === "string",
  training: (value) => isRecord(value) && trainingKeys.every((key) => key in value),
  losses: numbersOf,
  grad_norms: numbersOf,
  learning_rates: numbersOf,
  first_batch_input_ids: (value) => Array.isArray(value) && value.every(numbersOf),
  trainable: (value) => typeof value === "number",
};

const trainingKeys = [
  "lr",
  "weight_decay",
  "betas",
  "eps",
  "warmup_steps",
  "total_steps",
  "max_grad_norm",
  "batch",
  "max_length",
];

async function readCase(path: string): Promise<PipelineCase> {
  const fields = await readJson(path);
  for (const [key, fits] of Object.entries(required)) {
    const value = isRecord(fields) ? fields[key] : undefined;
    if (!fits(value)) {
      const found = (JSON.stringify(value) ?? "nothing").slice(0, 60);
      throw new FileError(`Cannot read case as it requires a valid ${key}: found ${found}`, path);
    }
  }
  return fields as PipelineCase;
}

/** An example without its label, which no logits depend on. */
function unlabelled(example: EncodedExample): EncodedExample {
  return { ...example, label: undefined };
}
