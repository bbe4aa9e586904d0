/**
 * Stochastic gradient descent, with or without momentum.
 *
 * @module
 */

import { old, scalar } from "../../core/expr.ts";
import { rowProgram } from "../../core/program.ts";
import type { Tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { byDecay, byRate, type Groups, parameterGroups } from "./groups.ts";
import {
  checkOptions,
  clippedGradient,
  limitOf,
  type Optimiser,
  type OptimiserOptions,
  zerosLike,
} from "./optimiser.ts";
import type { Trainable } from "./trainable.ts";

/** Settings of {@linkcode SGD}. Its decay is a part of the gradient, added after clipping. */
export interface SGDOptions extends OptimiserOptions {
  /** Share of the last direction that the next one keeps, in [0, 1); default 0: none is stored. */
  readonly momentum?: number;
}

/**
 * The rule without momentum and the one with it: where all decays, where input 2 says what does, and
 * where it also says what has the other learning rate.
 */
const rules = (grouped: "whole" | "partly" | "apart") => {
  const [usual, decay, limit, momentum, faster] = [0, 1, 2, 3, 4].map((i) => scalar(i, "f32"));
  const share = grouped === "whole" ? decay! : byDecay(decay!, 0);
  const rate = grouped === "apart" ? byRate(faster!, usual!) : usual!;
  const g = clippedGradient(limit!).add(old(0).mul(share));
  const direction = old(1).mul(momentum!).add(g);
  const kinds = Array.from({ length: grouped === "whole" ? 2 : 3 }, () => "f32" as const);
  return {
    plain: rowProgram(kinds, [old(0).sub(rate.mul(g))]),
    withMomentum: rowProgram(kinds, [old(0).sub(rate.mul(direction)), direction]),
  };
};
const [whole, partly, apart] = [rules("whole"), rules("partly"), rules("apart")];

/**
 * Stochastic gradient descent, as PyTorch computes it without dampening and Nesterov's variant: the
 * direction is momentum · last direction + gradient + decay · parameter.
 */
export class SGD implements Optimiser {
  /** Direction of the last step, `[count]`; undefined without momentum. */
  readonly direction: Tensor | undefined;
  /** Updates made so far. */
  steps = 0;
  readonly #options: Required<Omit<SGDOptions, "decayExclude">>;
  readonly #groups: Groups | undefined;

  /**
   * Starts with a direction of zero; the open scope owns it.
   *
   * @throws {OptionError} If an option is out of its bounds, or what is left out of the decay of no
   * known kind
   */
  constructor(readonly trainable: Trainable, options: SGDOptions = {}) {
    const { momentum = 0, weightDecay = 0, clip = 1 } = options;
    const { decayExclude = [], loraplusRatio = 1 } = options;
    this.#options = { momentum, weightDecay, clip, loraplusRatio };
    checkOptions("SGD", this.#options, { momentum: [0, 1] });
    this.#groups = parameterGroups(trainable, decayExclude, loraplusRatio);
    if (momentum !== 0) this.direction = zerosLike(trainable);
  }

  get state(): Readonly<Record<string, Tensor>> {
    return this.direction === undefined ? {} : { direction: this.direction };
  }

  step(squaredNorm: Tensor, lr: number): void {
    checkOptions("SGD", { lr }, {});
    this.steps++;
    const { momentum, weightDecay, clip, loraplusRatio } = this.#options;
    const { flat, gradients } = this.trainable;
    const groups = this.#groups;
    const scalars = [lr, weightDecay, limitOf(clip), momentum, lr * loraplusRatio];
    const { plain, withMomentum } = groups === undefined ? whole : groups.apart ? apart : partly;
    const inputs = [gradients, squaredNorm, ...groups === undefined ? [] : [groups.codes]];
    if (this.direction === undefined) update(plain, [flat], inputs, scalars);
    else update(withMomentum, [flat, this.direction], inputs, scalars);
  }
}
