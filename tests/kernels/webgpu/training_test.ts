import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan, type Method, methods } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { initialize } from "../../../nn/models/load.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { webGpuTest } from "../../support/webgpu_device.ts";
import { withDevice } from "../../support/with_device.ts";
import { trainHead } from "../../../nn/models/heads.ts";

/** Losses of some steps of a tiny BERT; `after` looks at the device between steps. */
async function losses(
  device: Device,
  method: Method,
  steps: number,
  after: (step: number) => void = () => {},
): Promise<number[]> {
  using _scope = device.scope("training");
  const config = tinyConfig("bert");
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: ["query", "value"], rank: 4, alpha: 8 });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
  }
  trainHead(model);
  const optimiser = new AdamW(await Trainable.of(model, device));
  const results: number[] = [];
  for (let step = 0; step < steps; step++) {
    {
      using _step = device.scope("step");
      const examples = [7, 5, 8, 3].map((length, b) => ({
        ids: Array.from({ length }, (_, i) => (step * 5 + b * 7 + i * 3) % config.vocabularySize),
        label: (step + b) % 2,
      }));
      const batch = toBatch(device, examples, { numbers: [0, 1, 2, 3] });
      const { loss } = trainStep({ model, optimiser }, [batch], foldKey(seedKey(9), step), {
        plan: dropoutPlan(method, false, { rate: 0.2 }),
        lr: 1e-3,
      });
      results.push(await loss.item());
    }
    after(step);
  }
  return results;
}

for (const method of methods) {
  webGpuTest(`20 steps of ${method} have the CPU's losses`, async (device) => {
    const actual = await losses(device, method, 20);
    await withDevice("f32", async (cpu) => {
      const expected = await losses(cpu, method, 20);
      expected.forEach((x, i) =>
        assert(Math.abs(x - actual[i]!) < 1e-3, `step ${i}: ${actual[i]}`)
      );
    });
  });
}

webGpuTest("200 steps leave the number and the bytes of buffers as they were", async (device) => {
  const { statistics } = device.backend;
  let [buffers, bytes] = [0, 0];
  await losses(device, "hiddenkey", 200, (step) => {
    if (step === 1) [buffers, bytes] = [statistics.buffers, statistics.bytes];
    else if (step > 1) assertEquals([statistics.buffers, statistics.bytes], [buffers, bytes]);
  });
});
