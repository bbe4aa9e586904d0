// A LoRA step on a model with random weights, for the benches that run it.
import type { Device } from "../core/device.ts";
import { seedKey } from "../core/random.ts";
import { dropoutPlan, type Method, methods } from "../nn/dropout/plan.ts";
import { toBatch } from "../nn/layers/batch.ts";
import { AdamW } from "../nn/optim/adamw.ts";
import { Trainable } from "../nn/optim/trainable.ts";
import { trainStep } from "../nn/optim/train_step.ts";
import type { OptionTable, OptionValues } from "../train/config/options.ts";
import { modelShapes, randomModel } from "./random_model.ts";

const size = (help: string, fallback: number) =>
  ({ kind: "integer", help, fallback, least: 1 }) as const;

/** Flags that say which step. */
export const stepOptions = {
  model: { kind: "choice", choices: Object.keys(modelShapes), help: "shape", default: "minilm" },
  batch: size("sequences", 8),
  length: size("tokens of each", 64),
  method: { kind: "choice", choices: methods, help: "method", default: "lora" },
} satisfies OptionTable;

/**
 * A function that makes one step, read-back of the loss included, and returns the milliseconds until
 * all of it was queued; the open scope owns the model.
 */
export async function loraStep(
  device: Device,
  values: OptionValues,
): Promise<() => Promise<number>> {
  const { model, decoder } = randomModel(device, values["model"] as keyof typeof modelShapes);
  const [batch, length] = [values["batch"] as number, values["length"] as number];
  const optimiser = new AdamW(await Trainable.of(model, device));
  const dropout = dropoutPlan(values["method"] as Method, decoder);
  let count = 0;
  return async () => {
    const start = performance.now();
    using _step = device.scope("step");
    const step = count++;
    const examples = Array.from({ length: batch }, (_, b) => ({
      ids: Array.from({ length }, (_, i) => (b * 131 + i * 17 + step * 7 + 50) % 30000),
      ...(decoder ? { predictFrom: Math.floor(length / 2) } : { label: b % 2 }),
    }));
    const labelled = toBatch(device, examples, { numbers: examples.map((_, b) => b) });
    const { loss } = trainStep({ model, optimiser }, [labelled], seedKey(step), {
      plan: dropout,
      learningRate: 1e-4,
    });
    const queued = performance.now() - start;
    const value = await loss.item();
    if (!Number.isFinite(value)) throw new RangeError(`Cannot go on with a loss of ${value}`);
    return queued;
  };
}
