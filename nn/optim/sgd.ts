/**
 * Stochastic gradient descent, with or without momentum.
 *
 * @module
 */

import { type Float, old, scalar } from "../../core/expr.ts";
import { type RowProgram, rowProgram } from "../../core/program.ts";
import type { Tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import {
  byDecay,
  byRate,
  type Groups,
  mostRates,
  parameterGroups,
  type RateRatios,
} from "./groups.ts";
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
 * The rule without momentum and the one with it, where all have one learning rate and decay, or where
 * input 2 has the codes of groups. Scalars are decay, limit and momentum, then each learning rate.
 */
function rulesOf(rates: number, grouped: boolean): { plain: RowProgram; withMomentum: RowProgram } {
  const [decay, limit, momentum] = [0, 1, 2].map((i) => scalar(i, "f32")) as [Float, Float, Float];
  const rate = byRate(Array.from({ length: rates }, (_, i) => scalar(3 + i, "f32")));
  const share = grouped ? byDecay(decay, 0, rates) : decay;
  const g = clippedGradient(limit).add(old(0).mul(share));
  const direction = old(1).mul(momentum).add(g);
  const kinds = Array.from({ length: grouped ? 3 : 2 }, () => "f32" as const);
  return {
    plain: rowProgram(kinds, [old(0).sub(rate.mul(g))]),
    withMomentum: rowProgram(kinds, [old(0).sub(rate.mul(direction)), direction]),
  };
}
const whole = rulesOf(1, false);
/** By the number of learning rates, from 1. */
const grouped = Array.from({ length: mostRates }, (_, i) => rulesOf(i + 1, true));

/**
 * Stochastic gradient descent, as PyTorch computes it without dampening and Nesterov's variant: the
 * direction is momentum · last direction + gradient + decay · parameter.
 */
export class SGD implements Optimiser {
  /** Direction of the last step, `[count]`; undefined without momentum. */
  readonly direction: Tensor | undefined;
  /** Updates made so far. */
  steps = 0;
  readonly #options: Required<Omit<SGDOptions, "decayExclude" | keyof RateRatios>>;
  readonly #groups: Groups | undefined;

  /**
   * Starts with a direction of zero; the open scope owns it.
   *
   * @throws {OptionError} If an option is out of its bounds, or what is left out of the decay of no
   * known kind
   */
  constructor(readonly trainable: Trainable, options: SGDOptions = {}) {
    const { momentum = 0, weightDecay = 0, clip = 1 } = options;
    const { decayExclude = [], loraplusRatio = 1, headRatio } = options;
    const ratios = { loraplusRatio, ...(headRatio !== undefined && { headRatio }) };
    this.#options = { momentum, weightDecay, clip };
    checkOptions("SGD", { ...this.#options, ...ratios }, { momentum: [0, 1] });
    this.#groups = parameterGroups(trainable, decayExclude, ratios);
    if (momentum !== 0) this.direction = zerosLike(trainable);
  }

  get state(): Readonly<Record<string, Tensor>> {
    return this.direction === undefined ? {} : { direction: this.direction };
  }

  step(squaredNorm: Tensor, lr: number): void {
    checkOptions("SGD", { lr }, {});
    this.steps++;
    const { momentum, weightDecay, clip } = this.#options;
    const { flat, gradients } = this.trainable;
    const { ratios, codes } = this.#groups ?? { ratios: [1], codes: undefined };
    const scalars = [weightDecay, limitOf(clip), momentum, ...ratios.map((ratio) => lr * ratio)];
    const { plain, withMomentum } = codes === undefined ? whole : grouped[ratios.length - 1]!;
    const inputs = [gradients, squaredNorm, ...(codes === undefined ? [] : [codes])];
    if (this.direction === undefined) update(plain, [flat], inputs, scalars);
    else update(withMomentum, [flat, this.direction], inputs, scalars);
  }
}
