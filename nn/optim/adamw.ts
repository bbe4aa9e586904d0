/**
 * AdamW: running means of the gradient and of its square, with decay apart from both.
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
  "beta1",
  "beta2",
  "rest1",
  "rest2",
  "epsilon",
  "limit",
  "correction1",
  "correction2",
] as const;

/** The step where all decay and have one learning rate. */
const plain = stepOf(1, false);
/** The step where input 2 has the codes of groups, by the number of learning rates, from 1. */
const grouped = Array.from({ length: mostRates }, (_, i) => stepOf(i + 1, true));

/** A step; its scalars are {@linkcode numbers}, then rate and kept share of each learning rate. */
function stepOf(rates: number, grouped: boolean): RowProgram {
  const named = numbers.map((name, slot) => [name, scalar(slot, "f32")] as const);
  const all = Object.fromEntries(named) as Record<typeof numbers[number], Float>;
  const { beta1, beta2, rest1, rest2, epsilon, limit, correction1, correction2 } = all;
  const slots = Array.from({ length: rates }, (_, i) => numbers.length + 2 * i);
  const lr = byRate(slots.map((slot) => scalar(slot, "f32")));
  const kept = byRate(slots.map((slot) => scalar(slot + 1, "f32")));
  const share = grouped ? byDecay(kept, 1, rates) : kept;
  const g = clippedGradient(limit);
  const first = old(1).mul(beta1).add(g.mul(rest1));
  const second = old(2).mul(beta2).add(g.mul(g).mul(rest2));
  const direction = first.div(correction1)
    .div(second.div(correction2).unary("sqrt").add(epsilon));
  const kinds = Array.from({ length: grouped ? 3 : 2 }, () => "f32" as const);
  return rowProgram(kinds, [old(0).mul(share).sub(lr.mul(direction)), first, second]);
}

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
  readonly #options: Required<Omit<AdamWOptions, "decayExclude" | keyof RateRatios>>;
  readonly #groups: Groups | undefined;

  /**
   * Starts with moments of zero; the open scope owns them.
   *
   * @throws {OptionError} If an option is out of its bounds, or what is left out of the decay of no
   * known kind
   */
  constructor(readonly trainable: Trainable, options: AdamWOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, clip = 1 } = options;
    const { decayExclude = [], loraplusRatio = 1, headRatio } = options;
    const ratios = { loraplusRatio, ...(headRatio !== undefined && { headRatio }) };
    this.#options = { beta1, beta2, epsilon, weightDecay, clip };
    const bounds = { beta1: [0, 1], beta2: [0, 1] } as const;
    checkOptions("AdamW", { ...this.#options, ...ratios }, bounds);
    this.#groups = parameterGroups(trainable, decayExclude, ratios);
    this.firstMoment = zerosLike(trainable);
    this.secondMoment = zerosLike(trainable);
  }

  get state(): { readonly first: Tensor; readonly second: Tensor } {
    return { first: this.firstMoment, second: this.secondMoment };
  }

  step(squaredNorm: Tensor, lr: number): void {
    const { beta1, beta2, epsilon, weightDecay, clip } = this.#options;
    checkOptions("AdamW", { lr }, {});
    const t = ++this.steps;
    const given: Record<typeof numbers[number], number> = {
      beta1,
      beta2,
      rest1: 1 - beta1,
      rest2: 1 - beta2,
      epsilon,
      limit: limitOf(clip),
      correction1: 1 - beta1 ** t,
      correction2: 1 - beta2 ** t,
    };
    const { flat, gradients } = this.trainable;
    const { ratios, codes } = this.#groups ?? { ratios: [1], codes: undefined };
    const rates = ratios.map((ratio) => lr * ratio);
    update(
      codes === undefined ? plain : grouped[ratios.length - 1]!,
      [flat, this.firstMoment, this.secondMoment],
      [gradients, squaredNorm, ...(codes === undefined ? [] : [codes])],
      [
        ...numbers.map((name) => given[name]),
        ...rates.flatMap((rate) => [rate, 1 - rate * weightDecay]),
      ],
    );
  }
}
