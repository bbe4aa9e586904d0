// A language model with LoRA on a batch, one example a row or several, and what that gives.
import type { Device } from "../../core/device.ts";
import { seedKey } from "../../core/random.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { DropoutPlan } from "../../nn/dropout/plan.ts";
import { type EncodedExample, toBatch } from "../../nn/layers/batch.ts";
import { applyLora } from "../../nn/lora/apply.ts";
import { SGD } from "../../nn/optim/sgd.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { type TrainState, trainStep } from "../../nn/optim/train_step.ts";
import { fillRandomly, tinyConfig } from "./tiny_models.ts";
import { languageModel } from "../../nn/models/registry.ts";

/** What a step computes. */
export interface Found {
  readonly loss: number;
  readonly task: number;
  readonly compensation: number | undefined;
  readonly gradients: number[];
}

const ofLlama = ["q_proj", "v_proj", "up_proj", "down_proj"] as const;

const targets = {
  gpt2: ["c_attn.q", "c_attn.v", "c_fc", "c_proj"],
  llama: ofLlama,
  mistral: ofLlama,
} as const;

/** A tiny decoder whose LoRA has random numbers in A and B, which a step leaves as they are. */
export async function adaptedState(
  device: Device,
  architecture: keyof typeof targets,
  change: Record<string, unknown> = {},
): Promise<TrainState> {
  const model = languageModel(tinyConfig(architecture, change));
  applyLora(model, { targets: [...targets[architecture]], rank: 2, alpha: 4 });
  fillRandomly(model, device);
  return { model, optimiser: new SGD(await Trainable.of(model, device)) };
}

/** Loss and gradient of LoRA's parameters in one step of some examples, numbered from behind. */
export async function stepOf(
  device: Device,
  state: TrainState,
  examples: readonly EncodedExample[],
  { plan, pack, gradientCheckpointing = false }: {
    readonly plan: DropoutPlan;
    readonly pack: boolean;
    readonly gradientCheckpointing?: boolean;
  },
): Promise<Found> {
  using _scope = device.scope("step");
  const numbers = examples.map((_, i) => examples.length - 1 - i);
  // Rows wider than the longest example, so that even it may share one.
  const width = pack ? state.model.config.maxPositions : undefined;
  const batch = toBatch(device, examples, { numbers, pack, ...(width && { width }) });
  const metrics = trainStep(state, [batch], seedKey(3), { plan, gradientCheckpointing, lr: 0 });
  const read = async (one: Tensor | undefined) => one && await one.item();
  return {
    loss: await metrics.loss.item(),
    task: await metrics.task.item(),
    compensation: await read(metrics.compensation),
    gradients: [...await state.optimiser.trainable.gradients.read()],
  };
}
