// Steps of a tiny model on the interpreted card have the CPU's losses and gradients.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { initialize } from "../../../nn/models/load.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";

interface Course {
  readonly losses: number[];
  /** Of the first step. */
  readonly gradients: number[];
}

const targets = { bert: ["query", "value"], llama: ["q_proj", "v_proj", "up_proj"] } as const;

/** Some steps of HiddenKey on a tiny model; `after` looks at the device between steps. */
async function train(
  device: Device,
  architecture: keyof typeof targets,
  steps: number,
  after: (step: number) => void = () => {},
): Promise<Course> {
  using _scope = device.scope("training");
  const config = tinyConfig(architecture);
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
        ids: Array.from({ length }, (_, i) => (step * 5 + b * 7 + i * 3) % config.vocabularySize),
        label: (step + b) % 2,
      }));
      const batch = toBatch(device, examples, { numbers: [0, 1, 2, 3] });
      const { loss } = trainStep({ model, optimiser }, [batch], foldKey(seedKey(9), step), {
        plan: dropoutPlan("hiddenkey", false, { rate: 0.2 }),
        lr: 1e-3,
      });
      losses.push(await loss.item());
      if (step === 0) gradients = [...await trainable.gradients.read()];
    }
    after(step);
  }
  return { losses, gradients };
}

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`five steps of HiddenKey on ${architecture} have the CPU's losses and gradients`, async () => {
    let expected: Course = { losses: [], gradients: [] };
    await withDevice("f32", async (cpu) => {
      expected = await train(cpu, architecture, 5);
    });
    await withInterpreted({}, async (device) => {
      const actual = await train(device, architecture, 5);
      expected.losses.forEach((x, i) =>
        assert(Math.abs(x - actual.losses[i]!) < 1e-3, `step ${i}: ${actual.losses[i]} for ${x}`)
      );
      const largest = expected.gradients.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      assert(largest > 0 && actual.gradients.length === expected.gradients.length);
      expected.gradients.forEach((x, i) => {
        const own = actual.gradients[i]!;
        assert(Math.abs(own - x) < 1e-4 * largest, `gradient ${i}: ${own} for ${x}`);
      });
    });
  });
}

Deno.test("steps come again as graphs, with the losses of plain launches and no more memory", async () => {
  let [plain, again]: number[][] = [[], []];
  await withInterpreted({ graphs: false }, async (device, { backend }) => {
    plain = (await train(device, "bert", 6)).losses;
    assertEquals(backend.launches.inGraphs, 0);
  });
  await withInterpreted({}, async (device, { backend }) => {
    let before = { launches: 0, inGraphs: 0 };
    let held = 0;
    again = (await train(device, "bert", 6, (step) => {
      const { launches, inGraphs } = backend.launches;
      if (step >= 2) {
        assertEquals(inGraphs - before.inGraphs, launches - before.launches, `${step}`);
      }
      if (step === 2) held = backend.heldBytes;
      if (step > 2) assertEquals(backend.heldBytes, held);
      before = { launches, inGraphs };
    })).losses;
  });
  assertEquals(again, plain);
});
