// Steps whose work is queued again have the losses and the parameters of steps that are computed.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { tensor } from "../../../core/tensor.ts";
import { dropoutPlan, type Method, methods } from "../../../nn/dropout/methods.ts";
import {
  type BatchOptions,
  countTargets,
  type EncodedExample,
  toBatch,
} from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { loraLayers, type LoraLinear } from "../../../nn/lora/lora.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import type { Model } from "../../../nn/models/model.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import { capturingTest, type WithCapturing } from "../../support/capturing_devices.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";

/** A training that differs from step to step. */
interface Course {
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

const steps = 7;
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
async function compare(on: WithCapturing, course: Course): Promise<number> {
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
function labelled(step: number, words: number): EncodedExample[] {
  return [7, 5, 6, 3].map((length, b) => ({
    ids: Array.from({ length }, (_, i) => 2 + (step * 5 + b * 7 + i * 3) % (words - 2)),
    label: (step + b) % 2,
  }));
}

function texts(step: number, words: number): EncodedExample[] {
  return labelled(step, words).map(({ ids }) => ({ ids, predictFrom: 1 }));
}

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

/** Examples of which one holds token 1, which some encoders count no position for. */
function padded(step: number, words: number): EncodedExample[] {
  return labelled(step, words).map((example, b) => {
    const ids = example.ids.slice();
    if (step === 5 && b === 1) ids[2] = 1;
    return { ...example, ids };
  });
}

capturingTest(
  "steps of MPNet come again, which reads a table of places by words of its own",
  async (on) => {
    assertEquals(await compare(on, { architecture: "mpnet", examples: labelled }), 2);
  },
);

for (const method of ["hiddenkey", "lora-dropout"] as const) {
  capturingTest(`steps of DeBERTa under ${method} come again`, async (on) => {
    assertEquals(await compare(on, { architecture: "deberta-v2", method, examples: labelled }), 2);
  });
}

capturingTest("texts that hold the padding token are computed", async (on) => {
  assertEquals(await compare(on, { architecture: "roberta", examples: padded }), 2);
});

capturingTest(
  "texts that hold MPNet's padding token are computed, whatever fills up",
  async (on) => {
    await compare(on, { architecture: "mpnet", config: { pad_token_id: 0 }, examples: padded });
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
