import { assertEquals } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import { dropoutPlan, type Method } from "../../../nn/dropout/methods.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import {
  type ArchitectureName,
  fillRandomly,
  randomModel,
  tinyConfig,
  tinyExamples,
} from "../../support/tiny_models.ts";
import { withDevice } from "../../support/with_device.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { applyLora } from "../../../nn/lora/apply.ts";

const targets: Partial<Record<ArchitectureName, string[]>> = {
  bert: ["query", "value"],
  gpt2: ["c_attn"],
  llama: ["q_proj", "v_proj"],
};

/** Programs of a training step of a model with so many layers. */
async function programs(
  architecture: ArchitectureName,
  method: Method,
  layers: number,
  dropping: "all" | "last",
) {
  let count = 0;
  await withDevice("f32", async (device) => {
    const decoder = architecture !== "bert";
    const change = { num_hidden_layers: layers };
    const config = tinyConfig(architecture, change);
    const model = decoder
      ? randomModel(device, config, "language")
      : randomModel(device, config, "classifier");
    applyLora(model, { targets: targets[architecture]!, rank: 2, alpha: 4 });
    fillRandomly(model, device);
    const optimiser = new AdamW(await Trainable.of(model, device));
    const { statistics } = device.backend;
    const before = statistics.runs;
    trainStep(
      { model, optimiser },
      [
        toBatch(device, tinyExamples([5, 3], decoder), { numbers: [0, 1] }),
      ],
      seedKey(1),
      {
        plan: dropoutPlan(method, decoder, {
          layers: dropping === "all" ? "all" : [layers - 1],
        }),
        lr: 1e-3,
      },
    );
    count = statistics.runs - before;
  });
  return count;
}

// Forward and backward of one layer; the gradients of its adapters are written to their place.
const known: readonly [ArchitectureName, Method, number, ("all" | "last")?][] = [
  ["gpt2", "lora", 27],
  ["bert", "lora", 36],
  ["llama", "lora", 45],
  ["gpt2", "hiddenkey-", 30],
  ["gpt2", "hiddenkey", 43],
  // Both passes share a layer in which nothing is dropped: it costs what it does without a second pass.
  ["gpt2", "hiddenkey", 27, "last"],
  ["bert", "hiddenkey", 36, "last"],
  ["llama", "hiddenkey", 45, "last"],
];

for (const [architecture, method, expected, dropping = "all"] of known) {
  const where = dropping === "all" ? "" : " in the last layer";
  const name = `a training step of ${architecture} with ${method}${where}`;
  Deno.test(`${name} takes ${expected} programs a layer`, async () => {
    const [two, three] = [
      await programs(architecture, method, 2, dropping),
      await programs(architecture, method, 3, dropping),
    ];
    assertEquals(three - two, expected);
  });
}
