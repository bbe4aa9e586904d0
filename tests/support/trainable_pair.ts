import type { Device } from "../../core/device.ts";
import { tensor } from "../../core/tensor.ts";
import fc from "fast-check";
import { type DecayExclusion, decayExclusions } from "../../nn/optim/decay.ts";
import { Linear } from "../../nn/layers/linear.ts";
import { Module, type Parameter } from "../../nn/layers/module.ts";
import type { Optimiser } from "../../nn/optim/optimiser.ts";
import { Trainable } from "../../nn/optim/trainable.ts";
import { numbers, randomTensor } from "./differences.ts";

/** Two layers of which the first's weight and the second's bias are trained. */
export class Pair extends Module {
  readonly first: Linear = new Linear(3, 2);
  readonly second: Linear = new Linear(2, 4);
}

/** Shapes of the trained parameters. */
export const shapes = [[2, 3], [4]];
/** Their elements. */
export const count = 10;

/** A {@linkcode Pair} with numbers, as an optimiser gets it. */
export async function trainableOf(
  device: Device,
  seed = 1,
): Promise<{ trainable: Trainable; chosen: Parameter[] }> {
  const model = new Pair();
  const chosen = [model.first.weight, model.second.bias!];
  chosen.forEach((parameter, i) => {
    parameter.value = randomTensor(device, seed + i, shapes[i]!);
    parameter.trainable = true;
  });
  return { trainable: await Trainable.of(model, device), chosen };
}

/** One step with random gradients of norm about 3.6, which are returned. */
export function stepRandomly(
  optimiser: Optimiser,
  seed: number,
  lr: number,
): Float64Array {
  const { trainable } = optimiser;
  const gradients = numbers(seed, count);
  trainable.clear();
  trainable.accumulate([
    tensor(trainable.device, gradients.subarray(0, 6), [2, 3]),
    tensor(trainable.device, gradients.subarray(6), [4]),
  ]);
  optimiser.step(trainable.squaredNorm(), lr);
  return gradients;
}

/** The factor that clips a gradient, as PyTorch's `clip_grad_norm_` computes it. */
export function clipFactor(gradients: Float64Array, clip: number): number {
  return clip > 0 ? Math.min(1, clip / (Math.hypot(...gradients) + 1e-6)) : 1;
}

/** What weight decay may leave out. */
export const exclusions = fc.subarray([...decayExclusions]);

/** What LoRA+ multiplies the learning rate of an element by: that of the bias, which is no A. */
export function rateFactor(i: number, ratio: number): number {
  return i < 6 ? 1 : ratio;
}

/** Whether weight decay shrinks an element of the pair: all but the four of the bias, where told so. */
export function decays(i: number, exclude: readonly DecayExclusion[]): boolean {
  return i < 6 || !exclude.includes("bias");
}
