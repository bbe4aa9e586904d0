/**
 * What an optimiser is: a rule that changes trainable parameters by their gradients, with a state of
 * its own beside them. Every rule clips the gradient by its norm in the same program as its update.
 *
 * @module
 */

import { lowestFloat } from "../../core/dtype.ts";
import { OptionError, ShapeError } from "../../core/errors.ts";
import { shown } from "../../core/excerpt.ts";
import { type Float, float, input, select } from "../../core/expr.ts";
import { copyProgram } from "../../core/program.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import type { DecayExclusion } from "./decay.ts";
import type { Trainable } from "./trainable.ts";

/** A rule over the parameters it was made for. */
export interface Optimiser {
  /** The parameters and their gradients. */
  readonly trainable: Trainable;
  /** The state beside the parameters, each `[count]`, by its name in a checkpoint. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** Updates made so far; AdamW corrects its means by them. */
  steps: number;
  /**
   * Changes the parameters once.
   *
   * @param squaredNorm Squared norm of the gradients, `[1]`: {@linkcode Trainable.squaredNorm}
   * @param lr Factor of the direction
   */
  step(squaredNorm: Tensor, lr: number): void;
}

/** What every rule is told. */
export interface OptimiserOptions {
  /** Decay of every trainable parameter that is not left out; default 0. */
  readonly weightDecay?: number;
  /** Parameters that do not decay: biases, factors of norms; default none. */
  readonly decayExclude?: readonly DecayExclusion[];
  /** LoRA+: learning rate of B, biases and norms over that of the rest; default 1. */
  readonly loraplusRatio?: number;
  /**
   * Learning rate of what is trained whole, such as a head, over that of the rest; absent: LoRA+'s for
   * its biases and factors of norms, and that of the rest for its matrices.
   */
  readonly headRatio?: number;
  /** Largest norm of the gradient, 0 or Infinity for none; default 1. */
  readonly clip?: number;
}

/**
 * The gradient, input 0, scaled so that its norm is at most `limit`, as PyTorch's `clip_grad_norm_`
 * does; input 1 is the squared norm. A limit of 0 leaves it as it is.
 */
export function clippedGradient(limit: Float): Float {
  const norm = input(1, "f32", 0).unary("sqrt");
  const shrink = limit.div(norm.add(1e-6));
  const factor = select(
    float(0).compare("lt", limit),
    // A norm that is not a number is handed on.
    select(float(1).compare("le", shrink), float(1), shrink),
    float(1),
  );
  return input(0, "f32", 3).mul(factor);
}

/** The limit as programs take it: none where it is infinite in 32 bits, and no 0 for a tiny one. */
export function limitOf(clip: number): number {
  if (clip === 0 || clip > -lowestFloat) return 0;
  return Math.max(clip, 2 ** -126);
}

/** Bounds of an option: at least `least`, below `below`. */
export type Bounds = readonly [least: number, below: number];

/**
 * Checks the numbers that a rule is told.
 *
 * @throws {OptionError} If one is no number within its bounds
 */
export function checkOptions(
  rule: string,
  given: Readonly<Record<string, number>>,
  bounds: Readonly<Record<string, Bounds>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    // Infinity clips nothing.
    if (name === "clip" && value === Infinity) continue;
    const [least, below] = bounds[name] ?? [0, Infinity];
    if (typeof value === "number" && value >= least && value < below) continue;
    const required = below === Infinity
      ? `a finite number of at least ${least}`
      : `a number in [${least}, ${below})`;
    throw new OptionError(
      `Cannot train by ${rule} as ${name} requires ${required}: found ${shown(value)}`,
    );
  }
}

/** Zeros for a part of the state, one a parameter's element: `[count]`. */
export function zerosLike({ flat, device }: Trainable): Tensor {
  return tensor(device, new Float64Array(sizeOf(flat.shape)));
}

/** All that training changes, by its name in a checkpoint: the parameters, then the state. */
export function checkpointTensors({ trainable, state }: Optimiser): Record<string, Tensor> {
  return { parameters: trainable.flat, ...state };
}

/**
 * Restores what {@linkcode checkpointTensors} names.
 *
 * @param numbers Elements by name
 * @param steps Steps taken until then
 * @throws {ShapeError} If the number of elements differs; nothing is changed then
 */
export function restoreOptimiser(
  optimiser: Optimiser,
  numbers: Readonly<Record<string, ArrayLike<number>>>,
  steps: number,
): void {
  const targets = Object.entries(checkpointTensors(optimiser));
  for (const [name, { shape }] of targets) {
    const found = numbers[name]?.length ?? 0;
    if (found === sizeOf(shape)) continue;
    throw new ShapeError(
      `Cannot restore ${name} as ${sizeOf(shape)} numbers are required: found ${found}`,
    );
  }
  for (const [name, target] of targets) {
    const { device } = target;
    device.inside(name, () => update(copyProgram, [target], [tensor(device, numbers[name]!)]));
  }
  optimiser.steps = steps;
}
