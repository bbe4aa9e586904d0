/**
 * Trainable parameters as views of one flat storage, with AdamW over it: the optimiser, clipping
 * and the norm are one program each, whatever the number of parameters.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { OptionError, ShapeError, TrainingError } from "../../core/errors.ts";
import { filled, type Float, float, input, old, rowSum, scalar, select } from "../../core/expr.ts";
import { asStrided } from "../../core/memory.ts";
import { rowwise, sumRow } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { copyProgram, rowProgram } from "../../core/program.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { type Module, type Parameter, parameters } from "../layers/module.ts";

/** Numbers of one AdamW step. */
export interface AdamWOptions {
  /** Step size. */
  readonly lr: number;
  /** Decay of the running means; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Summand of the denominator; default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled decay, applied to every trainable parameter; default 0. */
  readonly weightDecay?: number;
  /** Largest norm of the gradient, 0 for none; default 1. */
  readonly clip?: number;
}

/** Gradients lie in whole lines of this length, so that many workgroups share the work of a sum. */
const line = 1024;

const squaredRowsOp = (() => {
  const x = input(0, "f32", 3);
  return rowwise("squaredRows", ["f32"], [rowSum(x.mul(x))]);
})();

const accumulate = rowProgram(["f32"], [old(0).add(input(0, "f32", 3))]);
const clear = rowProgram([], [filled(0)]);

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
] as const;

const adamw = (() => {
  const named = numbers.map((name, slot) => [name, scalar(slot, "f32")] as const);
  const { rate, beta1, beta2, rest1, rest2, epsilon, kept, limit, correction1, correction2 } =
    Object.fromEntries(named) as Record<typeof numbers[number], Float>;
  const norm = input(1, "f32", 0).unary("sqrt");
  const shrink = limit.div(norm.add(1e-6));
  const clipped = select(
    float(0).compare("lt", limit),
    select(shrink.compare("lt", 1), shrink, float(1)),
    float(1),
  );
  const g = input(0, "f32", 3).mul(clipped);
  const m = old(1).mul(beta1).add(g.mul(rest1));
  const v = old(2).mul(beta2).add(g.mul(g).mul(rest2));
  const direction = m.div(correction1).div(v.div(correction2).unary("sqrt").add(epsilon));
  return rowProgram(["f32", "f32"], [old(0).mul(kept).sub(rate.mul(direction)), m, v]);
})();

/** The trainable parameters of a model, their gradients and moments. */
export class Trainable {
  /** Paths, in the order of the flat storage. */
  readonly names: readonly string[];
  /** Parameters, in the same order. */
  readonly parameters: readonly Parameter[];
  /** Values of all parameters, `[count]`. */
  readonly flat: Tensor;
  /** Gradients of all parameters, `[count]`. */
  readonly gradients: Tensor;
  /** Running means of the gradients, `[count]`. */
  readonly first: Tensor;
  /** Running means of their squares, `[count]`. */
  readonly second: Tensor;
  /** Steps taken, which the bias correction counts. */
  steps = 0;
  readonly #views: readonly Tensor[];

  private constructor(device: Device, entries: readonly [string, Parameter][], flat: Tensor) {
    this.names = entries.map(([name]) => name);
    this.parameters = entries.map(([, parameter]) => parameter);
    this.flat = flat;
    const count = sizeOf(flat.shape);
    const zeros = (length = count) => tensor(device, new Float64Array(length));
    this.gradients = slice(zeros(Math.ceil(count / line) * line), 0, 0, count);
    this.first = zeros();
    this.second = zeros();
    this.#views = viewsOf(this.gradients, this.parameters);
    const values = viewsOf(flat, this.parameters);
    this.parameters.forEach((parameter, i) => parameter.value = values[i]!);
  }

  /**
   * Moves a model's trainable parameters into flat storage; the open scope owns it.
   *
   * @throws {OptionError} If nothing is trainable
   */
  static async of(model: Module, device: Device): Promise<Trainable> {
    const entries = [...parameters(model)].filter(([, parameter]) => parameter.trainable);
    if (entries.length === 0) {
      throw new OptionError("Cannot train as no parameter is trainable: name target modules");
    }
    const data = new Float64Array(entries.reduce((sum, [, { size }]) => sum + size, 0));
    let at = 0;
    for (const [, parameter] of entries) {
      data.set(await parameter.value.read(), at);
      at += parameter.size;
    }
    return new Trainable(device, entries, tensor(device, data));
  }

  /** Values of the parameters, in the same order, to differentiate by. */
  get tensors(): Tensor[] {
    return this.parameters.map((parameter) => parameter.value);
  }

  /** Sets the gradients to zero. */
  clear(): void {
    update(clear, [this.gradients], []);
  }

  /**
   * Adds gradients, in the order of the parameters.
   *
   * @throws {TrainingError} If one is missing: the loss does not reach that parameter
   */
  accumulate(gradients: readonly (Tensor | undefined)[]): void {
    gradients.forEach((g, i) => {
      if (g === undefined) {
        throw new TrainingError(`Cannot train ${this.names[i]} as the loss does not depend on it`);
      }
      update(accumulate, [this.#views[i]!], [g]);
    });
  }

  /** Squared norm of the gradients, `[1]`. */
  squaredNorm(): Tensor {
    // The memory ends with zeros that fill the last line.
    const rows = asStrided(this.gradients, [Math.ceil(sizeOf(this.flat.shape) / line), line]);
    const sums = apply(squaredRowsOp, [rows], {})[0]!;
    return reshape(sumRow(reshape(sums, [-1])), [1]);
  }

  /** One AdamW step (Loshchilov and Hutter 2019), as PyTorch computes it. */
  step(squaredNorm: Tensor, options: AdamWOptions): void {
    const { lr, betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = 0, clip = 1 } = options;
    const [beta1, beta2] = betas;
    const t = ++this.steps;
    const given: Record<typeof numbers[number], number> = {
      rate: lr,
      beta1,
      beta2,
      rest1: 1 - beta1,
      rest2: 1 - beta2,
      epsilon,
      kept: 1 - lr * weightDecay,
      limit: clip,
      correction1: 1 - beta1 ** t,
      correction2: 1 - beta2 ** t,
    };
    const outputs = [this.flat, this.first, this.second];
    update(adamw, outputs, [this.gradients, squaredNorm], numbers.map((name) => given[name]));
  }

  /**
   * Restores values and moments.
   *
   * @throws {ShapeError} If the number of elements differs
   */
  restore(state: { flat: ArrayLike<number>; first: ArrayLike<number>; second: ArrayLike<number> }) {
    for (const name of ["flat", "first", "second"] as const) {
      const target = this[name];
      if (state[name].length !== sizeOf(target.shape)) {
        throw new ShapeError(
          `Cannot restore ${name} as ${sizeOf(target.shape)} numbers are required: ` +
            `found ${state[name].length}`,
        );
      }
      using source = tensor(target.device, state[name]);
      update(copyProgram, [target], [source]);
    }
  }
}

function viewsOf(flat: Tensor, list: readonly Parameter[]): Tensor[] {
  let at = 0;
  return list.map(({ shape, size }) => {
    const view = asStrided(flat, shape, undefined, at);
    at += size;
    return view;
  });
}
