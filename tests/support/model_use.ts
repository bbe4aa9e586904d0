// What a model that was opened in some way computes, and how it trains.
import { assert } from "@std/assert";
import type { Device } from "../../core/device.ts";
import { seedKey } from "../../core/random.ts";
import { sizeOf } from "../../core/shape.ts";
import { dropoutPlan } from "../../nn/dropout/methods.ts";
import { toBatch } from "../../nn/layers/batch.ts";
import { parameters } from "../../nn/layers/module.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { trainHead } from "../../nn/models/heads.ts";
import { initialize } from "../../nn/models/initialize.ts";
import type { LoadOptions } from "../../nn/models/fill_model.ts";
import { architectureOf } from "../../nn/models/registry.ts";
import { AdamW } from "../../nn/optim/adamw.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { trainStep } from "../../nn/optim/train_step.ts";
import { openClassifier, openLanguageModel } from "../../train/run/load_model.ts";
import { tinyExamples } from "./tiny_models.ts";
import { withDevice } from "./with_device.ts";

/** Runs a body on a device of its own. */
export type Runs = (body: (device: Device) => Promise<void>) => Promise<void>;

/** Logits, the bytes of the model, and the losses of three LoRA steps. */
export async function use(
  folder: string,
  classifies: boolean,
  options: LoadOptions,
  run: Runs = (body) => withDevice("f32", body),
) {
  const found = { logits: [] as number[], losses: [] as number[], bytes: 0 };
  await run(async (device) => {
    const key = seedKey(3);
    const { model } = classifies
      ? await openClassifier(folder, device, key, undefined, options)
      : await openLanguageModel(folder, device, key, options);
    found.bytes = device.backend.statistics.bytes;
    const { logits } = model.forward({ batch: toBatch(device, tinyExamples([5, 3])) });
    found.logits.push(...await logits.read());
    const { targets } = architectureOf(model.config);
    applyLora(model, { targets, rank: 2, alpha: 4 });
    for (const [path, parameter] of parameters(model)) {
      if (!parameter.filled) initialize(parameter, path, device, key);
    }
    if (classifies) trainHead(model);
    const optimiser = new AdamW(await Trainable.of(model, device));
    for (let step = 0; step < 3; step++) {
      using _step = device.scope("step");
      const examples = tinyExamples([5, 3]).map((example, i) =>
        classifies ? { ...example, label: i } : { ...example, predictFrom: 1 }
      );
      const labelled = toBatch(device, examples, { numbers: [0, 1] });
      const { loss } = trainStep({ model, optimiser }, [labelled], seedKey(step), {
        plan: dropoutPlan("hiddenkey", !classifies),
        lr: 1e-2,
      });
      found.losses.push(await loss.item());
    }
    assert(found.logits.length > 0 && sizeOf(logits.shape) === found.logits.length);
  });
  return found;
}
