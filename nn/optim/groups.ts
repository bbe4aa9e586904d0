/**
 * Which of the groups that a rule treats apart each trained parameter belongs to: whether weight
 * decay shrinks it, and which learning rate it has.
 *
 * **Source**: Hayou et al. 2024, "LoRA+" (arXiv 2402.12354), with the groups of PEFT's
 * `create_loraplus_optimizer`.
 *
 * @module
 */

import { type Float, float, input, select } from "../../core/expr.ts";
import { sizeOf } from "../../core/shape.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { type DecayExclusion, isDecayed, requireDecayExclusions } from "./decay.ts";
import type { Trainable } from "./trainable.ts";

/**
 * Whether LoRA+ gives a parameter the learning rate times its ratio: B, and as PEFT has it all
 * biases and factors of norms. A and the matrices of heads keep the learning rate.
 *
 * @param path Path of the parameter in its model
 * @param shape Size of each axis
 */
export function learnsFaster(path: string, shape: readonly number[]): boolean {
  return shape.length === 1 || path.includes("lora_B");
}

/**
 * Whether a parameter is trained whole, beside low-rank updates: a head, and what goes with it.
 *
 * @param path Path of the parameter in its model
 */
export function isTrainedWhole(path: string): boolean {
  return !/(^|\.)lora_[AB]\./.test(path);
}

/** Ratios of learning rates to that of A. */
export interface RateRatios {
  /** LoRA+: that of B, biases and factors of norms. */
  readonly loraplusRatio: number;
  /** That of what is trained whole; undefined where it is as if there were none. */
  readonly headRatio?: number | undefined;
}

/**
 * The ratio of a parameter's learning rate to that of A.
 *
 * @param path Path of the parameter in its model
 * @param shape Size of each axis
 */
export function rateRatio(
  path: string,
  shape: readonly number[],
  { loraplusRatio, headRatio }: RateRatios,
): number {
  if (headRatio !== undefined && isTrainedWhole(path)) return headRatio;
  return learnsFaster(path, shape) ? loraplusRatio : 1;
}

/** Most learning rates at once: that of A, that of B, that of the head. */
export const mostRates = 3;

/** What a program is told of each element. */
export interface Groups {
  /** Ratios of the learning rates that there are to that of A, which is the first. */
  readonly ratios: readonly number[];
  /** Twice the number of the ratio, plus 1 for what decays, `[count]`. */
  readonly codes: Tensor;
}

/**
 * The groups of some parameters; undefined where all decay and have one learning rate. The open
 * scope owns them.
 *
 * @throws {OptionError} If what is left out of the decay is of no known kind
 */
export function parameterGroups(
  { names, parameters, flat }: Trainable,
  exclude: readonly DecayExclusion[],
  given: RateRatios,
): Groups | undefined {
  requireDecayExclusions(exclude);
  const codes = new Float64Array(sizeOf(flat.shape));
  const ratios = [1];
  let [at, same] = [0, true];
  parameters.forEach(({ shape, size }, i) => {
    const ratio = rateRatio(names[i]!, shape, given);
    if (!ratios.includes(ratio)) ratios.push(ratio);
    const code = 2 * ratios.indexOf(ratio) + Number(isDecayed(names[i]!, shape, exclude));
    codes.fill(code, at, at += size);
    same &&= code === 1;
  });
  return same ? undefined : { ratios, codes: tensor(flat.device, codes) };
}

const code = input(2, "f32", 3);

/** One value for what decays and another for the rest, where input 2 has codes of so many rates. */
export function byDecay(decays: Float, rest: Float | number, rates: number): Float {
  const even = Array.from({ length: rates }, (_, i) => 2 * i).reverse();
  return even.reduce((other, kept) => select(code.compare("eq", kept), float(rest), other), decays);
}

/** One value for each learning rate, where input 2 has the codes. */
export function byRate(values: readonly Float[]): Float {
  return values.reduce((before, value, i) =>
    select(float(2 * i - 1).compare("lt", code), value, before)
  );
}
