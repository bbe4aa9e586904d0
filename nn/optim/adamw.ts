/**
 * AdamW: running means of the gradient and of its square, with decay apart from both.
 *
 * @module
 */

import { type Float, old, scalar } from "../../core/expr.ts";
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

/** Settings of {@linkcode AdamW}. Its decay is decoupled from the gradient. */
export interface AdamWOptions extends OptimiserOptions {
  /** Decay of the running mean of gradients, in [0, 1); default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of their squares, in [0, 1); default 0.999. */
  readonly beta2?: number;
  /** Summand of the denominator; default 1e-8. */
  readonly epsilon?: number;
}

/** What the step's expressions read; differences to 1 come ready, as 32 bits would lose half of it. */
const numbers = [
  "rate",
  "beta1",
  "beta2",
  "rest1",
  "rest2",
  "epsilon",
  "kept",
  "limit",
  "correction1",
  "correction2",
  // Of what LoRA+ trains faster.
  "fasterRate",
  "fasterKept",
] as const;
/** Numbers that are read where all have one learning rate. */
const usual = numbers.slice(0, -2);

/** The step, the same where input 2 says what decays, and where it also says what learns faster. */
const [program, partly, apart] = (() => {
  const named = numbers.map((name, slot) => [name, scalar(slot, "f32")] as const);
  const all = Object.fromEntries(named) as Record<typeof numbers[number], Float>;
  const { rate, beta1, beta2, rest1, rest2, epsilon, kept, limit, correction1, correction2 } = all;
  const g = clippedGradient(limit);
  const first = old(1).mul(beta1).add(g.mul(rest1));
  const second = old(2).mul(beta2).add(g.mul(g).mul(rest2));
  const direction = first.div(correction1)
    .div(second.div(correction2).unary("sqrt").add(epsilon));
  const next = (share: Float, lr: Float) => old(0).mul(share).sub(lr.mul(direction));
  const share = byDecay(byRate(all.fasterKept, kept), 1);
  return [
    rowProgram(["f32", "f32"], [next(kept, rate), first, second]),
    rowProgram(["f32", "f32", "f32"], [next(byDecay(kept, 1), rate), first, second]),
    rowProgram(
      ["f32", "f32", "f32"],
      [next(share, byRate(all.fasterRate, rate)), first, second],
    ),
  ];
})();

/**
 * AdamW, as PyTorch computes it.
 *
 * **Source**: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
 */
export class AdamW implements Optimiser {
  /** Running mean of the gradients, `[count]`. */
  readonly firstMoment: Tensor;
  /** Running mean of their squares, `[count]`. */
  readonly secondMoment: Tensor;
  /** Steps taken, which the bias correction counts. */
  steps = 0;
  readonly #options: Required<Omit<AdamWOptions, "decayExclude">>;
  readonly #groups: Groups | undefined;

  /**
   * Starts with moments of zero; the open scope owns them.
   *
   * @throws {OptionError} If an option is out of its bounds, or what is left out of the decay of no
   * known kind
   */
  constructor(readonly trainable: Trainable, options: AdamWOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, clip = 1 } = options;
    const { decayExclude = [], loraplusRatio = 1 } = options;
    this.#options = { beta1, beta2, epsilon, weightDecay, clip, loraplusRatio };
    checkOptions("AdamW", this.#options, { beta1: [0, 1], beta2: [0, 1] });
    this.#groups = parameterGroups(trainable, decayExclude, loraplusRatio);
    this.firstMoment = zerosLike(trainable);
    this.secondMoment = zerosLike(trainable);
  }

  get state(): { readonly first: Tensor; readonly second: Tensor } {
    return { first: this.firstMoment, second: this.secondMoment };
  }

  step(squaredNorm: Tensor, lr: number): void {
    const { beta1, beta2, epsilon, weightDecay, clip, loraplusRatio } = this.#options;
    checkOptions("AdamW", { lr }, {});
    const fasterRate = lr * loraplusRatio;
    const t = ++this.steps;
    const given: Record<typeof numbers[number], number> = {
      rate: lr,
      beta1,
      beta2,
      rest1: 1 - beta1,
      rest2: 1 - beta2,
      epsilon,
      kept: 1 - lr * weightDecay,
      limit: limitOf(clip),
      correction1: 1 - beta1 ** t,
      correction2: 1 - beta2 ** t,
      fasterRate,
      fasterKept: 1 - fasterRate * weightDecay,
    };
    const { flat, gradients } = this.trainable;
    const outputs = [flat, this.firstMoment, this.secondMoment];
    const groups = this.#groups;
    const scalars = (groups?.apart ? numbers : usual).map((name) => given[name]);
    if (groups === undefined) update(program!, outputs, [gradients, squaredNorm], scalars);
    else {
      const chosen = groups.apart ? apart! : partly!;
      update(chosen, outputs, [gradients, squaredNorm, groups.codes], scalars);
    }
  }
}
