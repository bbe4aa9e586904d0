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

/** What a program is told of each element. */
export interface Groups {
  /** Whether some parameters have another learning rate. */
  readonly apart: boolean;
  /** 1 for what decays, plus 2 for what has the other learning rate, `[count]`. */
  readonly codes: Tensor;
}

/**
 * The groups of some parameters; undefined where all decay and have one learning rate. The open
 * scope owns them.
 *
 * @param ratio Of the other learning rate to that of A
 * @throws {OptionError} If what is left out of the decay is of no known kind
 */
export function parameterGroups(
  { names, parameters, flat }: Trainable,
  exclude: readonly DecayExclusion[],
  ratio: number,
): Groups | undefined {
  requireDecayExclusions(exclude);
  const codes = new Float64Array(sizeOf(flat.shape));
  let [at, apart, same] = [0, false, true];
  parameters.forEach(({ shape, size }, i) => {
    const faster = ratio !== 1 && learnsFaster(names[i]!, shape);
    const code = Number(isDecayed(names[i]!, shape, exclude)) + 2 * Number(faster);
    codes.fill(code, at, at += size);
    apart ||= faster;
    same &&= code === 1;
  });
  return same ? undefined : { apart, codes: tensor(flat.device, codes) };
}

const code = input(2, "f32", 3);

/** One value for what decays and another for the rest, where input 2 has the codes. */
export function byDecay(decays: Float, rest: Float | number): Float {
  const even = select(code.compare("eq", 2), float(rest), decays);
  return select(code.compare("eq", 0), float(rest), even);
}

/** One value for what has the other learning rate and another for the rest. */
export function byRate(faster: Float, rest: Float): Float {
  return select(float(1).compare("lt", code), faster, rest);
}
