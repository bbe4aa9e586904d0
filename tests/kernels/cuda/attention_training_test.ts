// Steps of small models with attention as one program are those with composed attention, in fewer
// launches and less memory.
import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../core/device.ts";
import { foldKey, seedKey } from "../../../core/random.ts";
import { dropoutPlan, type Method, methods } from "../../../nn/dropout/methods.ts";
import { toBatch } from "../../../nn/layers/batch.ts";
import { parameters } from "../../../nn/layers/module.ts";
import { applyLora } from "../../../nn/lora/apply.ts";
import { trainHead } from "../../../nn/models/heads.ts";
import { initialize } from "../../../nn/models/initialize.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { Trainable } from "../../../nn/optim/trainable.ts";
import { trainStep } from "../../../nn/optim/train_step.ts";
import type { Precision } from "../../../kernels/cuda/product/product_shape.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { randomModel, tinyConfig } from "../../support/tiny_models.ts";

const targets = {
  bert: ["query", "value"],
  gpt2: ["c_attn"],
  llama: ["q_proj", "v_proj"],
} as const;

interface Step {
  readonly loss: number;
  /** Of the first step, which no rounding of an earlier one has moved. */
  readonly first: number[];
  readonly gradients: number[];
  /** Largest memory, and launches, of a step after the first. */
  readonly peakBytes: number;
  readonly launches: number;
}

interface Options {
  readonly architecture: keyof typeof targets;
  readonly method: Method;
  readonly fused: boolean;
  readonly gradientCheckpointing?: boolean;
  readonly tokens?: number;
  readonly precision?: Precision;
}

/** Two steps of a small model with heads of 8. */
async function train(options: Options): Promise<Step> {
  let step: Step | undefined;
  const { fused, precision = "float32" } = options;
  await withInterpreted({ fused, precision }, async (device, { backend }) => {
    step = await steps(device, options, () => [
      backend.statistics.peakBytes,
      backend.launches.launches,
    ]);
  });
  return step!;
}

async function steps(
  device: Device,
  { architecture, method, gradientCheckpointing = false, tokens = 9 }: Options,
  counts: () => readonly [number, number],
): Promise<Step> {
  const config = tinyConfig(architecture, { hidden_size: 16, max_position_embeddings: 64 });
  const model = randomModel(device, config, "classifier");
  applyLora(model, { targets: targets[architecture], rank: 4, alpha: 8 });
  for (const [path, parameter] of parameters(model)) {
    if (!parameter.filled) initialize(parameter, path, device, seedKey(4));
  }
  trainHead(model);
  const trainable = await Trainable.of(model, device);
  const optimiser = new AdamW(trainable);
  const [losses, launches] = [[0, 0], [0, 0]];
  let first: number[] = [];
  for (const step of [0, 1]) {
    using _step = device.scope("step");
    const examples = [tokens, tokens - 2, tokens - 5].map((length, b) => ({
      ids: Array.from({ length }, (_, i) => (step * 5 + b * 7 + i * 3) % config.vocabularySize),
      label: (step + b) % 2,
    }));
    const batch = toBatch(device, examples, { numbers: [0, 1, 2] });
    const before = counts()[1];
    const { loss } = trainStep({ model, optimiser }, [batch], foldKey(seedKey(9), step), {
      plan: dropoutPlan(method, architecture === "gpt2", { rate: 0.3, layers: "all" }),
      lr: 1e-2,
      gradientCheckpointing,
    });
    losses[step] = await loss.item();
    launches[step] = counts()[1] - before;
    if (step === 0) first = [...await trainable.gradients.read()];
  }
  return {
    loss: losses[1]!,
    first,
    gradients: [...await trainable.gradients.read()],
    peakBytes: counts()[0],
    launches: launches[1]!,
  };
}

function assertEqualSteps(actual: Step, expected: Step): void {
  const error = Math.abs(actual.loss - expected.loss);
  assert(error < 1e-5, `${actual.loss} for ${expected.loss}`);
  const largest = expected.gradients.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert(largest > 0 && actual.gradients.length === expected.gradients.length);
  expected.gradients.forEach((x, i) => {
    const own = actual.gradients[i]!;
    assert(Math.abs(own - x) < 1e-5 * largest, `gradient ${i}: ${own} for ${x}`);
  });
}

const compared: readonly (readonly [Options["architecture"], readonly Method[]])[] = [
  ["bert", methods],
  ["gpt2", ["lora", "dropattention"]],
  ["llama", ["hiddenkey"]],
];
for (const [architecture, own] of compared) {
  for (const method of own) {
    Deno.test(`steps of ${method} on ${architecture} are those with composed attention`, async () => {
      const [fused, composed] = [
        await train({ architecture, method, fused: true }),
        await train({ architecture, method, fused: false }),
      ];
      assertEqualSteps(fused, composed);
      // HiddenCut's own rule may read the weights; nothing else does.
      assert(fused.launches < composed.launches, `${fused.launches} of ${composed.launches}`);
    });
  }
}

/** Distance of first gradients, of their length. */
function distance(actual: Step, expected: Step): number {
  const length = (values: readonly number[]) => Math.hypot(...values);
  return length(actual.first.map((x, i) => x - expected.first[i]!)) / length(expected.first);
}

for (const architecture of ["bert", "llama"] as const) {
  Deno.test(`steps of hiddenkey on ${architecture} in bf16 are as near to float32 as with composed attention`, async () => {
    const options = { architecture, method: "hiddenkey" } as const;
    const exact = await train({ ...options, fused: true });
    const [fused, composed] = [
      await train({ ...options, fused: true, precision: "bf16" }),
      await train({ ...options, fused: false, precision: "bf16" }),
    ];
    const [own, other] = [distance(fused, exact), distance(composed, exact)];
    assert(own < 1.5 * other && own < 0.05, `${own}, composed ${other}`);
    assert(fused.launches < composed.launches);
  });
}

Deno.test("gradient checkpointing runs attention as one program again", async () => {
  const options = { architecture: "bert", method: "hiddenkey", fused: true } as const;
  const [plain, again] = [
    await train(options),
    await train({ ...options, gradientCheckpointing: true }),
  ];
  assertEquals([again.loss, again.gradients], [plain.loss, plain.gradients]);
});

Deno.test("attention as one program holds no queries times keys", async () => {
  const options = { architecture: "bert", method: "dropattention", tokens: 40 } as const;
  const [fused, composed] = [
    await train({ ...options, fused: true }),
    await train({ ...options, fused: false }),
  ];
  assertEqualSteps(fused, composed);
  // Three examples of 40 tokens, two heads, two layers.
  const weights = 4 * 3 * 2 * 40 * 40 * 2;
  assert(
    composed.peakBytes - fused.peakBytes > 0.9 * weights,
    `${composed.peakBytes} - ${fused.peakBytes} for ${weights}`,
  );
});
