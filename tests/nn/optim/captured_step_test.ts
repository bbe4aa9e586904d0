// Steps whose work is queued again have the losses and the parameters of steps that are computed.
import { assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { methods } from "../../../nn/dropout/methods.ts";
import { countTargets, type EncodedExample, toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { loraLayers, type LoraLinear } from "../../../nn/lora/lora.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import type { Model } from "../../../nn/models/model.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { compare, labelled, steps, texts } from "../../support/captured_steps.ts";
import { capturingTest } from "../../support/capturing_devices.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";

for (const method of methods) {
  capturingTest(`steps of ${method} come again as they are computed`, async (on) => {
    assertEquals(await compare(on, { architecture: "roberta", method, examples: labelled }), 2);
  });
}

capturingTest(
  "steps of a language model come again, in rows of one text or of several",
  async (on) => {
    assertEquals(await compare(on, { architecture: "gpt2", examples: texts }), 2);
    const batch = { pack: true, width: 12 } as const;
    assertEquals(await compare(on, { architecture: "gpt2", examples: texts, batch }), 2);
  },
);

/** Texts of which more or less is predicted, and that end as they are filled up. */
function answered(step: number, words: number): EncodedExample[] {
  return labelled(step, words).map(({ ids }, b) => ({
    ids: [...ids.slice(1), 1],
    predictFrom: 1 + (step + b) % (ids.length - 1),
  }));
}

capturingTest(
  "steps of a language model come again whatever is predicted of as many rows",
  async (on) => {
    const counts = Array.from({ length: steps }, (_, step) => countTargets(answered(step, 23)));
    assertEquals(counts, [13, 11, 7, 14, 10, 8, 10]);
    for (const [method, pack] of [["hiddenkey", false], ["dropattention", true]] as const) {
      const batch = { padMultiple: 16, padId: 1, pack, width: 16 };
      assertEquals(
        await compare(on, { architecture: "gpt2", method, examples: answered, batch }),
        2,
      );
    }
  },
);

capturingTest("steps of which two have as many targets by chance still come again", async (on) => {
  // Of the second and the third it cannot be told which scalar is their number of targets.
  const order = [0, 4, 6, 1, 3, 2, 5];
  const examples = (step: number, words: number) =>
    labelled(step, words).map(({ ids }, b) => ({ ...answered(order[step]!, words)[b]!, ids }));
  const batch = { padMultiple: 16 };
  assertEquals(await compare(on, { architecture: "gpt2", examples, batch }), 3);
});

capturingTest(
  "each batch of a window comes again, the first of which begins the gradients",
  async (on) => {
    assertEquals(await compare(on, { architecture: "roberta", examples: labelled, window: 3 }), 4);
  },
);

for (
  const [architecture, name] of [["roberta", "LayerNorm.weight"], ["gpt2", "ln_1.weight"]] as const
) {
  capturingTest(`a ${architecture} whose numbers are exchanged is computed again`, async (on) => {
    const between = (model: Model, step: number, device: Device) => {
      if (step !== 4) return;
      const [, weight] = [...parameters(model)].find(([path]) => path.includes(name))!;
      weight.value = tensor(device, Array.from({ length: weight.size }, (_, i) => 1 + i % 3));
    };
    const examples = architecture === "gpt2" ? texts : labelled;
    assertEquals(await compare(on, { architecture, examples, between }), 4);
  });
}

capturingTest("a decoder whose updates are scaled otherwise is computed again", async (on) => {
  const between = (model: Model, step: number) => {
    if (step !== 4) return;
    for (const [, layer] of loraLayers(model)) (layer as { scaling: number }).scaling = 3;
  };
  assertEquals(await compare(on, { architecture: "gpt2", examples: texts, between }), 4);
});

capturingTest("models that share what is trained have captures of their own", async (on) => {
  const course = async (device: Device) => {
    const config = tinyConfig("roberta");
    const models = [1, 2].map((seed) => randomModel(device, config, "classifier", seed));
    for (const model of models) applyLora(model, { targets: ["query"], rank: 4, alpha: 8 });
    const [first, second] = models.map((model) => loraLayers(model).map(([, layer]) => layer)) as [
      LoraLinear[],
      LoraLinear[],
    ];
    first.forEach(({ parts }, i) => {
      for (const part of parts) {
        initialize(part.down, `${i}`, device, seedKey(4));
        initialize(part.up, `${i}`, device, seedKey(5));
      }
      (second[i] as { parts: typeof parts }).parts = parts;
    });
    const optimiser = new AdamW(await Trainable.of(models[0]!, device));
    const losses: number[] = [];
    for (let step = 0; step < 8; step++) {
      using _step = device.scope("step");
      const batch = toBatch(device, labelled(step, config.vocabularySize));
      const model = models[step < 5 ? 0 : 1]!;
      losses.push(
        await trainStep({ model, optimiser }, [batch], seedKey(step), { lr: 1e-2 }).loss.item(),
      );
    }
    return losses;
  };
  let [plain, captured]: number[][] = [[], []];
  await on(async (device) => void (plain = await course(device)), false);
  await on(async (device) => void (captured = await course(device)));
  assertEquals(captured, plain);
});

capturingTest("layouts that take turns each come again", async (on) => {
  const turns = (step: number, words: number) =>
    step % 2 === 0 ? labelled(step, words) : labelled(step, words).slice(1);
  assertEquals(await compare(on, { architecture: "roberta", examples: turns }), 4);
});

for (const method of ["hiddenkey", "lora-dropout"] as const) {
  capturingTest(`steps of DeBERTa under ${method} come again`, async (on) => {
    assertEquals(await compare(on, { architecture: "deberta-v2", method, examples: labelled }), 2);
  });
}
