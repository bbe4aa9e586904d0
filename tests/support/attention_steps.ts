// Steps of small models with heads of 8, to compare attention as one program with composed attention.
import { assert } from "@std/assert";
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

const targets = {
  bert: ["query", "value"],
  gpt2: ["c_attn"],
  llama: ["q_proj", "v_proj"],
} as const;

/** What steps gave. */
export interface Step {
  readonly loss: number;
  /** Of the first step, which no rounding of an earlier one has moved. */
  readonly first: number[];
  readonly gradients: number[];
  /** Largest memory, and launches, of a step after the first. */
  readonly peakBytes: number;
  readonly launches: number;
}

/** Which steps. */
export interface StepCase {
  readonly architecture: keyof typeof targets;
  readonly method: Method;
  readonly gradientCheckpointing?: boolean;
  readonly tokens?: number;
  /** How many; 2 where absent. */
  readonly steps?: number;
  /** Least token; 0 where absent. Steps over texts with padding tokens, the first two, are not captured. */
  readonly firstToken?: number;
}

/** Some steps; `counts` tells the largest memory and the launches up to now. */
export async function attentionSteps(
  device: Device,
  { architecture, method, gradientCheckpointing = false, tokens = 9, steps = 2, firstToken = 0 }:
    StepCase,
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
  let [last, launches] = [0, 0];
  let first: number[] = [];
  for (let step = 0; step < steps; step++) {
    using _step = device.scope("step");
    const examples = [tokens, tokens - 2, tokens - 5].map((length, b) => ({
      ids: Array.from(
        { length },
        (_, i) => firstToken + (step * 5 + b * 7 + i * 3) % (config.vocabularySize - firstToken),
      ),
      label: (step + b) % 2,
    }));
    const batch = toBatch(device, examples, { numbers: [0, 1, 2] });
    const before = counts()[1];
    const { loss } = trainStep({ model, optimiser }, [batch], foldKey(seedKey(9), step), {
      plan: dropoutPlan(method, architecture === "gpt2", { rate: 0.3, layers: "all" }),
      lr: 1e-2,
      gradientCheckpointing,
    });
    last = await loss.item();
    launches = counts()[1] - before;
    if (step === 0) first = [...await trainable.gradients.read()];
  }
  return {
    loss: last,
    first,
    gradients: [...await trainable.gradients.read()],
    peakBytes: counts()[0],
    launches,
  };
}

/** Asserts that losses and gradients are equal but for rounding. */
export function assertEqualSteps(actual: Step, expected: Step): void {
  const error = Math.abs(actual.loss - expected.loss);
  assert(error < 1e-5, `${actual.loss} for ${expected.loss}`);
  const largest = expected.gradients.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assert(largest > 0 && actual.gradients.length === expected.gradients.length);
  expected.gradients.forEach((x, i) => {
    const own = actual.gradients[i]!;
    assert(Math.abs(own - x) < 1e-5 * largest, `gradient ${i}: ${own} for ${x}`);
  });
}
