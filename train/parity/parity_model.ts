/**
 * Model parity: forward values, gradients, merging and ten optimiser steps of a small model against
 * reference values computed in double precision elsewhere.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { seedKey } from "../../core/random.ts";
import type { Device } from "../../core/device.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Tensor } from "../../core/tensor.ts";
import { peftPrefix } from "../../nn/formats/peft_tensors.ts";
import { generate } from "../../nn/generation/generate.ts";
import type { GenerateOptions } from "../../nn/generation/generate_options.ts";
import { type Batch, countTargets, type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import { mergeLora, unmergeLora } from "../../nn/lora/merge.ts";
import type { Model, ModelConfig } from "../../nn/models/model.ts";
import { objective, type ObjectiveOptions } from "../../nn/objective/objective.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import type { TrainState } from "../../nn/optim/train_step.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { readJson } from "../files/files.ts";
import { loadAdapter } from "../run/adapter.ts";
import { openClassifier, openLanguageModel } from "../run/load_model.ts";
import { Comparison, type ParityRow } from "./parity_rows.ts";
import { caseOptimiser, type CaseSteps, compareSteps } from "./parity_steps.ts";

/** Arguments of transformers' `generate()`. */
interface GenerationSettings {
  readonly max_new_tokens: number;
  readonly num_beams?: number;
  readonly length_penalty?: number;
  readonly no_repeat_ngram_size?: number;
  readonly repetition_penalty?: number;
  readonly early_stopping?: boolean | "never";
  readonly eos_token_id?: number[];
}

interface Generation {
  readonly prompt: number[];
  readonly settings: GenerationSettings;
  readonly output: number[];
}

interface ModelCase extends CaseSteps {
  readonly case: string;
  readonly inputs: {
    readonly input_ids: number[][];
    readonly attention_mask: number[][];
    readonly token_type_ids?: number[][];
  };
  readonly labels: (number | number[])[];
  readonly trainable: number;
  readonly generation?: Generation[];
}

/**
 * Tolerances of model parity, relative to a quantity's largest value. Where activations are bf16 they
 * are 1.5 times PyTorch's own largest errors in bf16, 0.26 and 0.72 (GPT-2 of width 32).
 */
export function modelTolerances(device: Device): { once: number; stepped: number } {
  if (device.backend.activations !== undefined) return { once: 0.39, stepped: 1.08 };
  if (device.backend.name === "webgpu") return { once: 1e-4, stepped: 5e-3 };
  return device.float === "f64" ? { once: 1e-9, stepped: 1e-7 } : { once: 1e-5, stepped: 1e-3 };
}

/**
 * Compares one case folder.
 *
 * @throws {FileError} If the case, its model or its adapter cannot be read
 */
export async function compareModel(directory: string, device: Device): Promise<ParityRow[]> {
  const spec = await readCase(directory);
  using expected = await Checkpoint.open(`${directory}/expected.safetensors`);
  const { once, stepped } = modelTolerances(device);
  const rows = new Comparison(spec.case, expected, once);
  using _scope = device.scope(spec.case);
  const language = expected.entry("base.logits").shape.length === 3;
  const { model } = await (language ? openLanguageModel : openClassifier)(
    `${directory}/base`,
    device,
    key,
  );
  const padId = spec.inputs.input_ids.flat()[spec.inputs.attention_mask.flat().indexOf(0)] ?? 0;
  const regression = !language && spec.labels.some((label) => !Number.isInteger(label));
  const examples = encode(spec, language);
  const numbers = examples.map((_, b) => b);
  const batch = toBatch(device, examples, { padId, numbers, regression });
  const { rows: _targets, ...everyToken } = batch;
  const logits = () => model.forward({ batch: everyToken }).logits;

  const trace: Tensor[] = [];
  await rows.tensor("base.logits", model.forward({ batch: everyToken, trace }).logits);
  const tokens = examples.map(({ ids }) => ids.length);
  for (const [i, x] of trace.entries()) await rows.hidden(`base.hidden.${i}`, x, tokens);
  await rows.hidden("base.last_hidden", trace.at(-1)!, tokens);

  await loadAdapter(model, `${directory}/adapter`, device);
  await rows.tensor("adapter.logits", logits());
  const trainable = await Trainable.of(model, device);
  const optimiser = caseOptimiser(trainable, spec.training);
  rows.numbers("trainable", [sizeOf(trainable.flat.shape)], [spec.trainable]);
  const normaliser = countTargets(examples);
  await compareGradients(rows, { model, optimiser }, batch, { key, regression, normaliser });

  mergeLora(model);
  await rows.tensor("merged.logits", logits());
  await compareGeneration(rows, model, device, spec.generation ?? []);
  unmergeLora(model);
  await rows.tensor("unmerged.logits", logits(), "adapter.logits");

  const steps = new Comparison(spec.case, expected, stepped);
  await compareSteps(steps, { model, optimiser }, spec, () => batch, regression);
  await steps.tensor("trained.logits", logits());
  return rows.finish(steps);
}

/** Nothing is drawn: any key will do. */
const key = seedKey(0);

async function compareGradients(
  rows: Comparison,
  { model, optimiser }: TrainState,
  batch: Batch,
  options: ObjectiveOptions,
): Promise<void> {
  const { result, gradients } = gradient(
    () => objective(model, batch, options),
    optimiser.trainable.tensors,
  );
  await rows.tensor("adapter.loss", result.loss);
  for (const [i, name] of optimiser.trainable.names.entries()) {
    await rows.tensor(`grad.${peftPrefix}${name}`, gradients[i]!);
  }
}

async function compareGeneration(
  rows: Comparison,
  model: Model,
  device: Device,
  cases: readonly Generation[],
): Promise<void> {
  for (const { prompt, settings, output } of cases) {
    const { num_beams: beams = 1 } = settings;
    const name = `generation, ${beams > 1 ? `beam ${beams}` : "greedy"}, ${prompt.length} tokens`;
    if (device.backend.activations !== undefined) {
      rows.skip(name, "logits that are close are told apart by less than activations hold");
      continue;
    }
    const options = generateOptions(settings, model.config);
    const [made] = await generate(model, device, [prompt], options);
    const { ids, end } = made!;
    rows.tokens(name, [...prompt, ...ids, ...(end === undefined ? [] : [end])], output);
  }
}

function generateOptions(settings: GenerationSettings, config: ModelConfig): GenerateOptions {
  return {
    newTokens: settings.max_new_tokens,
    eosIds: settings.eos_token_id ?? config.eosIds,
    positions: config.maxPositions,
    beams: settings.num_beams ?? 1,
    lengthPenalty: settings.length_penalty ?? 1,
    noRepeatNgram: settings.no_repeat_ngram_size ?? 0,
    repetitionPenalty: settings.repetition_penalty ?? 1,
    earlyStopping: settings.early_stopping ?? false,
  };
}

async function readCase(directory: string): Promise<ModelCase> {
  const path = `${directory}/case.json`;
  const spec = await readJson(path) as Record<string, unknown>;
  const required = ["case", "inputs", "labels", "training", "losses", "grad_norms"];
  for (const key of [...required, "learning_rates", "trainable"]) {
    if (spec?.[key] === undefined) {
      throw new FileError(`Cannot compare case as key ${key} is required: found none`, path);
    }
  }
  return spec as unknown as ModelCase;
}

function encode({ inputs, labels }: ModelCase, language: boolean): EncodedExample[] {
  return inputs.input_ids.map((all, b) => {
    const length = inputs.attention_mask[b]!.reduce((sum, visible) => sum + visible, 0);
    const ids = all.slice(0, length);
    const typeIds = inputs.token_type_ids?.[b]?.slice(0, length) ?? ids.map(() => 0);
    if (!language) return { ids, typeIds, label: labels[b] as number };
    return { ids, predictFrom: (labels[b] as number[]).findIndex((label) => label !== -100) };
  });
}
