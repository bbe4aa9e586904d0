// Steps of LoRA with dropout on a tiny model, to compare devices.
import type { Device } from "../../core/device.ts";
import { foldKey, seedKey } from "../../core/random.ts";
import { dropoutPlan, type Method } from "../../nn/dropout/methods.ts";
import { toBatch } from "../../nn/layers/batch.ts";
import { parameters } from "../../nn/layers/module.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { initialize } from "../../nn/models/initialize.ts";
import { AdamW } from "../../nn/optim/adamw.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { trainStep } from "../../nn/optim/train_step.ts";
import { randomModel, tinyConfig } from "./tiny_models.ts";

/** What some steps gave. */
export interface Course {
  /** Of each step. */
  readonly losses: number[];
  /** Of the first step. */
  readonly gradients: number[];
}

const targets = { bert: ["query", "value"], llama: ["q_proj", "v_proj", "up_proj"] } as const;

/** Some steps of a method on a tiny model; `after` looks at the device between steps. */
export async function trainTiny(
  device: Device,
  architecture: keyof typeof targets,
  steps: number,
  after: (step: number) => void = () => {},
  method: Method = "hiddenkey",
): Promise<Course> {
  using _scope = device.scope("training");
  const config = tinyConfig(architecture);
  // The first numbers are those of padding.
  const words = config.vocabularySize;
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: targets[architecture], rank: 4, alpha: 8 });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
  }
  trainHead(model);
  const trainable = await Trainable.of(model, device);
  const optimiser = new AdamW(trainable);
  const losses: number[] = [];
  let gradients: number[] = [];
  for (let step = 0; step < steps; step++) {
    {
      using _step = device.scope("step");
      const examples = [7, 5, 8, 3].map((length, b) => ({
        ids: Array.from({ length }, (_, i) => 2 + (step * 5 + b * 7 + i * 3) % (words - 2)),
        label: (step + b) % 2,
      }));
      const batch = toBatch(device, examples, { numbers: [0, 1, 2, 3] });
      const { loss } = trainStep({ model, optimiser }, [batch], foldKey(seedKey(9), step), {
        plan: dropoutPlan(method, false, { rate: 0.2 }),
        lr: 1e-3,
      });
      losses.push(await loss.item());
      if (step === 0) gradients = [...await trainable.gradients.read()];
    }
    after(step);
  }
  return { losses, gradients };
}
