// Trainings whose steps are captured, beside the same without captures.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { foldKey, seedKey } from "../../core/random.ts";
import { dropoutPlan, type Method } from "../../nn/dropout/methods.ts";
import { type BatchOptions, type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import { parameters } from "../../nn/layers/module.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { initialize } from "../../nn/models/initialize.ts";
import type { Model } from "../../nn/models/model.ts";
import { AdamW } from "../../nn/optim/adamw.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { trainStep } from "../../nn/optim/train_step.ts";
import type { WithCapturing } from "./capturing_devices.ts";
import { randomModel, tinyConfig } from "./tiny_models.ts";

/** A training that differs from step to step. */
export interface Course {
  readonly architecture: "roberta" | "mpnet" | "deberta-v2" | "gpt2";
  /** What its configuration has beside the usual. */
  readonly config?: Record<string, unknown>;
  readonly method?: Method;
  readonly batch?: BatchOptions;
  /** Batches of a step. */
  readonly window?: number;
  /** Examples of a batch. */
  readonly examples: (step: number, words: number) => readonly EncodedExample[];
  /** Changes the model between steps. */
  readonly between?: (model: Model, step: number, device: Device) => void;
}

export const steps = 7;
const targets = {
  roberta: ["query", "value"],
  mpnet: ["q", "v"],
  "deberta-v2": ["query_proj", "key_proj"],
  gpt2: ["c_attn"],
} as const;

/** Losses of the steps and the parameters afterwards. */
async function train(device: Device, course: Course): Promise<number[]> {
  const { architecture, method = "hiddenkey", window = 1, examples, between } = course;
  const decoder = architecture === "gpt2";
  const config = tinyConfig(architecture, course.config);
  const model = decoder
    ? randomModel(device, config, "language")
    : randomModel(device, config, "classifier");
  applyLora(model, { targets: targets[architecture], rank: 4, alpha: 8 });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
  }
  const trainable = await Trainable.of(model, device);
  const optimiser = new AdamW(trainable);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    between?.(model, step, device);
    using _step = device.scope("step");
    const batches = Array.from({ length: window }, (_, i) => {
      const list = examples(window * step + i, config.vocabularySize);
      return toBatch(device, list, { numbers: list.map((_, b) => 4 * i + b), ...course.batch });
    });
    const plan = dropoutPlan(method, decoder, { rate: 0.2 });
    const key = foldKey(seedKey(9), step);
    const { loss } = trainStep({ model, optimiser }, batches, key, { plan, lr: 1e-2 });
    losses.push(await loss.item());
  }
  return [...losses, ...await trainable.flat.read()];
}

/** Trains with and without captures; gives the programs of each that the host did not compute. */
export async function compare(on: WithCapturing, course: Course): Promise<number> {
  let plain: number[] = [];
  let captured: number[] = [];
  let inGraphs = 0;
  await on(async (device) => void (plain = await train(device, course)), false);
  await on(async (device, backend) => {
    const capturing = backend.capturing!;
    const begin = capturing.begin.bind(capturing);
    let begun = 0;
    capturing.begin = () => {
      begun++;
      begin();
    };
    captured = await train(device, course);
    inGraphs = begun;
  });
  assertEquals(captured, plain);
  assert(new Set(plain.slice(0, steps)).size === steps, "steps differ");
  return inGraphs;
}

/** Examples of four lengths, all different in each step. */
export function labelled(step: number, words: number): EncodedExample[] {
  return [7, 5, 6, 3].map((length, b) => ({
    ids: Array.from({ length }, (_, i) => 2 + (step * 5 + b * 7 + i * 3) % (words - 2)),
    label: (step + b) % 2,
  }));
}

export function texts(step: number, words: number): EncodedExample[] {
  return labelled(step, words).map(({ ids }) => ({ ids, predictFrom: 1 }));
}

/** Examples of which one holds token 1, which some encoders count no position for. */
export function padded(step: number, words: number): EncodedExample[] {
  return labelled(step, words).map((example, b) => {
    const ids = example.ids.slice();
    if (step === 5 && b === 1) ids[2] = 1;
    return { ...example, ids };
  });
}
