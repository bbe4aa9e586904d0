// A LoRA step on a model with random weights, for the benches that run it.
import type { Device } from "../core/device.ts";
import { quantisedFormats } from "../core/dtype.ts";
import { seedKey } from "../core/random.ts";
import { dropoutPlan, methods } from "../nn/dropout/methods.ts";
import type { DropoutPlan } from "../nn/dropout/plan.ts";
import { type EncodedExample, toBatch } from "../nn/layers/batch.ts";
import { AdamW } from "../nn/optim/adamw.ts";
import { Trainable } from "../nn/optim/trainable.ts";
import { type TrainState, trainStep } from "../nn/optim/train_step.ts";
import type { OptionsOf, OptionTable } from "../train/config/options.ts";
import { size } from "./bench.ts";
import { modelShapes, randomModel } from "./random_model.ts";

const modelNames = Object.keys(modelShapes) as (keyof typeof modelShapes)[];

/** Flags that say which step. */
export const stepOptions = {
  model: { kind: "choice", choices: modelNames, help: "shape", default: "minilm" },
  batch: size("sequences", 8),
  length: size("tokens of each", 64),
  method: { kind: "choice", choices: methods, help: "method", default: "lora" },
  half: {
    kind: "switch",
    help: "keep frozen matrices in bf16, as --precision bf16 does",
    default: false,
  },
  quantize: {
    kind: "choice",
    choices: quantisedFormats,
    help: "keep frozen matrices of the layers in 8 or 4 bits",
    defaultText: "none",
  },
  gradientCheckpointing: {
    kind: "switch",
    help: "compute each layer again in the backward pass",
    default: false,
  },
} as const satisfies OptionTable;

/** What a step is made of. */
export interface LoraSteps {
  /** Model and optimiser. */
  readonly state: TrainState;
  /** What is dropped. */
  readonly plan: DropoutPlan;
  /** Examples of a step; they come again after eight. */
  readonly examplesOf: (step: number) => readonly EncodedExample[];
}

/** A model with random weights, its optimiser, and examples. The open scope owns the tensors. */
export async function loraSteps(
  device: Device,
  options: OptionsOf<typeof stepOptions>,
): Promise<LoraSteps> {
  const { model: name, batch, length, method, quantize } = options;
  const half = options.half || device.activations !== undefined;
  const { model, decoder } = randomModel(device, name, { half, quantize });
  const optimiser = new AdamW(await Trainable.of(model, device));
  // Made beforehand, as whoever trains has them: their tokens are uploaded in the step.
  const windows = Array.from({ length: 8 }, (_, step) =>
    Array.from({ length: batch }, (_, b) => ({
      ids: Array.from({ length }, (_, i) => (b * 131 + i * 17 + step * 7 + 50) % 30000),
      ...(decoder ? { predictFrom: 1 } : { label: b % 2 }),
    })));
  return {
    state: { model, optimiser },
    plan: dropoutPlan(method, decoder),
    examplesOf: (step) => windows[step % windows.length]!,
  };
}

/**
 * A function that makes one step, read-back of the loss included, and returns the milliseconds until
 * all of it was queued; it may be told whether layers are computed again. The open scope owns the model.
 */
export async function loraStep(
  device: Device,
  options: OptionsOf<typeof stepOptions>,
): Promise<(again?: boolean) => Promise<number>> {
  const { state, plan, examplesOf } = await loraSteps(device, options);
  let count = 0;
  return async (again = options.gradientCheckpointing) => {
    const start = performance.now();
    using _step = device.scope("step");
    const step = count++;
    const examples = examplesOf(step);
    const labelled = toBatch(device, examples, { numbers: examples.map((_, b) => b) });
    const { loss } = trainStep(state, [labelled], seedKey(step), {
      plan,
      gradientCheckpointing: again,
      lr: 1e-4,
    });
    const queued = performance.now() - start;
    const value = await loss.item();
    if (!Number.isFinite(value)) throw new RangeError(`Cannot go on with a loss of ${value}`);
    return queued;
  };
}
