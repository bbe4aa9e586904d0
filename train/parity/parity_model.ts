/**
 * Model parity: forward values, gradients, merging and ten optimiser steps of a small model against
 * reference values computed in double precision elsewhere.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { gradient } from "../../core/gradient.ts";
import { seedKey } from "../../core/random.ts";
import { type Device, sizeOf } from "../../core/storage.ts";
import type { Tensor } from "../../core/tensor.ts";
import { countTargets, type EncodedExample, toBatch } from "../../nn/objective/batch.ts";
import type { ModelConfig } from "../../nn/models/config.ts";
import { LanguageModel } from "../../nn/models/decoder.ts";
import { generate, type GenerateOptions } from "../../nn/generation/generate.ts";
import { mergeLora, unmergeLora } from "../../nn/lora/lora.ts";
import { objective } from "../../nn/objective/objective.ts";
import { type ForwardContext, toInputs } from "../../nn/layers/forward_context.ts";
import { Trainable } from "../../nn/optim/adamw.ts";
import { loadAdapter } from "../run/adapter.ts";
import { readJson } from "../files/files.ts";
import { Checkpoint } from "../files/checkpoint.ts";
import { peftPrefix } from "../../nn/formats/peft_tensors.ts";
import { openClassifier, openLanguageModel } from "../run/load_model.ts";
import { Comparison, type ParityRow } from "./parity_rows.ts";
import { linearSchedule } from "../schedule.ts";
import { trainStep } from "../../nn/optim/train_step.ts";

/** Hyper-parameters of a case's steps. */
export interface CaseTraining {
  /** Peak learning rate. */
  readonly lr: number;
  /** Decoupled decay. */
  readonly weight_decay: number;
  /** Decay of the running means. */
  readonly betas: readonly [number, number];
  /** Summand of the denominator. */
  readonly eps: number;
  /** Steps of warm-up. */
  readonly warmup_steps: number;
  /** Steps in all. */
  readonly total_steps: number;
  /** Largest norm of the gradient. */
  readonly max_grad_norm: number;
}

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

interface ModelCase {
  readonly case: string;
  readonly inputs: {
    readonly input_ids: number[][];
    readonly attention_mask: number[][];
    readonly token_type_ids?: number[][];
  };
  readonly labels: (number | number[])[];
  readonly training: CaseTraining;
  readonly trainable: number;
  readonly losses: number[];
  readonly grad_norms: number[];
  readonly learning_rates: number[];
  readonly generation?: Generation[];
}

/** Tolerances of model parity, relative to a quantity's largest value. */
export function modelTolerances(device: Device): { once: number; stepped: number } {
  if (device.backend.name === "webgpu") return { once: 1e-4, stepped: 5e-3 };
  return device.float === "f64" ? { once: 1e-9, stepped: 1e-7 } : { once: 1e-5, stepped: 1e-3 };
}

/** Compares one case folder. */
export async function compareModel(directory: string, device: Device): Promise<ParityRow[]> {
  const spec = await readCase(directory);
  using expected = await Checkpoint.open(`${directory}/expected.safetensors`);
  const { once, stepped } = modelTolerances(device);
  const rows = new Comparison(spec.case, expected, once);
  using _scope = device.scope(spec.case);
  const language = expected.entry("base.logits").shape.length === 3;
  const key = seedKey(0);
  const base = `${directory}/base`;
  const { model, config } = language
    ? await openLanguageModel(base, device, key)
    : await openClassifier(base, device, key);
  const examples = encode(spec, language);
  const padId = spec.inputs.input_ids.flat()[spec.inputs.attention_mask.flat().indexOf(0)] ?? 0;
  const regression = !language && spec.labels.some((label) => !Number.isInteger(label));
  const types = spec.inputs.token_type_ids ?? spec.inputs.input_ids.map((ids) => ids.map(() => 0));
  const sequences = {
    ids: Uint32Array.from(spec.inputs.input_ids.flat()),
    typeIds: Uint32Array.from(types.flat()),
    lengths: examples.map(({ ids }) => ids.length),
    width: spec.inputs.input_ids[0]!.length,
  };
  const inputs = toInputs(device, sequences);
  const forward = (trace?: Tensor[]) => {
    const context: ForwardContext = trace === undefined ? { inputs } : { inputs, trace };
    return model instanceof LanguageModel ? model.logits(context) : model.classify(context).logits;
  };
  const trace: Tensor[] = [];
  await rows.tensor("base.logits", forward(trace));
  for (const [i, hidden] of trace.entries()) await rows.tensor(`base.hidden.${i}`, hidden);
  await rows.tensor("base.last_hidden", trace.at(-1)!);

  await loadAdapter(model, config, `${directory}/adapter`, device);
  await rows.tensor("adapter.logits", forward());
  const trainable = await Trainable.of(model, device);
  const batch = toBatch(device, examples, examples.map((_, b) => b), padId, regression);
  const run = () =>
    objective(model, batch, { key, regression, normaliser: countTargets(examples) });
  const { result, gradients } = gradient(run, trainable.tensors);
  rows.numbers("trainable", [sizeOf(trainable.flat.shape)], [spec.trainable]);
  await rows.tensor("adapter.loss", result.loss);
  for (const [i, name] of trainable.names.entries()) {
    await rows.tensor(`grad.${peftPrefix}${name}`, gradients[i]!);
  }
  mergeLora(model);
  await rows.tensor("merged.logits", forward());
  for (const { prompt, settings, output } of spec.generation ?? []) {
    if (!(model instanceof LanguageModel)) continue;
    const { num_beams: beams = 1 } = settings;
    const name = `generation, ${beams > 1 ? `beam ${beams}` : "greedy"}, ${prompt.length} tokens`;
    const [made] = await generate(model, device, [prompt], generateOptions(settings, config));
    const { ids, end } = made!;
    rows.tokens(name, [...prompt, ...ids, ...(end === undefined ? [] : [end])], output);
  }
  unmergeLora(model);
  await rows.tensor("unmerged.logits", forward(), "adapter.logits");

  const steps = new Comparison(spec.case, expected, stepped);
  const { training } = spec;
  const figures = { losses: [] as number[], norms: [] as number[], rates: [] as number[] };
  for (let step = 0; step < training.total_steps; step++) {
    using _step = device.scope("step");
    const rate = training.lr * linearSchedule(step, training.warmup_steps, training.total_steps);
    const done = trainStep({ model, trainable }, [batch], key, {
      regression,
      optimiser: optimiserOf(training, rate),
    });
    figures.losses.push(await done.task.item());
    figures.norms.push(Math.sqrt(await done.squaredNorm.item()));
    figures.rates.push(rate);
  }
  steps.numbers("losses", figures.losses, spec.losses);
  steps.numbers("grad_norms", figures.norms, spec.grad_norms);
  steps.numbers("learning_rates", figures.rates, spec.learning_rates);
  await steps.tensor("trained.logits", forward());
  return rows.finish(steps);
}

/** AdamW's numbers at one step of a case. */
export function optimiserOf(training: CaseTraining, lr: number) {
  return {
    lr,
    betas: training.betas,
    epsilon: training.eps,
    weightDecay: training.weight_decay,
    clip: training.max_grad_norm,
  };
}

function generateOptions(settings: GenerationSettings, config: ModelConfig): GenerateOptions {
  return {
    maxNewTokens: settings.max_new_tokens,
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
