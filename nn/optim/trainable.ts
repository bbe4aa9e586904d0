/**
 * The trainable parameters of a model as views of one flat storage, and their gradients as views of
 * another: an optimiser's step, clearing and the norm are one program each, whatever the number of
 * parameters.
 *
 * @module
 */

import { apply } from "../../core/apply.ts";
import { OptionError, TrainingError } from "../../core/errors.ts";
import { besideParameters, noDestination } from "../../core/destination.ts";
import { filled, input, old, rowSum } from "../../core/expr.ts";
import { gradientInto } from "../../core/gradient.ts";
import { asStrided } from "../../core/memory.ts";
import { rowwise, sumRow } from "../../core/ops/rowwise.ts";
import { slice } from "../../core/ops/slice.ts";
import { reshape } from "../../core/ops/view.ts";
import { copyProgram, rowProgram } from "../../core/program.ts";
import { sizeOf } from "../../core/shape.ts";
import type { Value } from "../../core/storage.ts";
import type { Device } from "../../core/device.ts";
import { type Tensor, tensor } from "../../core/tensor.ts";
import { update } from "../../core/update.ts";
import { type Module, type Parameter, parameters } from "../layers/module.ts";

/** Gradients lie in whole lines of this length, so that many workgroups share the work of a sum. */
const line = 1024;

const squaredRowsOp = (() => {
  const x = input(0, "f32", 3);
  return rowwise("squaredRows", ["f32"], [rowSum(x.mul(x))]);
})();

const accumulate = rowProgram(["f32"], [old(0).add(input(0, "f32", 3))]);
const clear = rowProgram([], [filled(0)]);

/** The trainable parameters of a model and their gradients. */
export class Trainable {
  /** Paths, in the order of the flat storage. */
  readonly names: readonly string[];
  /** Parameters, in the same order. */
  readonly parameters: readonly Parameter[];
  /** Values of all parameters, `[count]`. */
  readonly flat: Tensor;
  /** Gradients of all parameters, `[count]`. */
  readonly gradients: Tensor;
  readonly #views: readonly Tensor[];
  /** Whether nothing was added to the gradients yet: work that is queued again cannot tell. */
  cleared = true;

  private constructor(entries: readonly [string, Parameter][], flat: Tensor) {
    this.names = entries.map(([name]) => name);
    this.parameters = entries.map(([, parameter]) => parameter);
    this.flat = flat;
    const count = sizeOf(flat.shape);
    const lines = tensor(flat.device, new Float64Array(Math.ceil(count / line) * line));
    this.gradients = slice(lines, 0, 0, count);
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
    return new Trainable(entries, tensor(device, data));
  }

  /** The handle that the parameters were made through. */
  get device(): Device {
    return this.flat.device;
  }

  /** Values of the parameters, in the same order, to differentiate by. */
  get tensors(): Tensor[] {
    return this.parameters.map((parameter) => parameter.value);
  }

  /** Sets the gradients to zero. */
  clear(): void {
    update(clear, [this.gradients], []);
    this.cleared = true;
  }

  /**
   * Adds the gradients of a loss. The first since {@linkcode Trainable.clear} need no copy where a
   * product makes them, which writes them to their place.
   *
   * @param run Computes the loss, as `gradient` takes it
   * @returns What it returned
   * @throws {TrainingError} If the loss does not reach a parameter
   * @throws {GradientError} If it is not one number, or an operation has no derivative
   */
  differentiate<R extends Tensor | { readonly loss: Tensor }>(run: () => R): R {
    const { tensors, flat } = this;
    const destination = this.cleared
      ? besideParameters(tensors, flat, this.gradients)
      : noDestination;
    const { result, gradients } = gradientInto(destination, run, tensors, this.device);
    this.accumulate(gradients);
    for (const g of gradients) g?.[Symbol.dispose]();
    return result;
  }

  /**
   * Adds gradients, in the order of the parameters. Those that were written to their place stay there.
   *
   * @throws {TrainingError} If one is missing: the loss does not reach that parameter
   */
  accumulate(gradients: readonly (Tensor | undefined)[]): void {
    gradients.forEach((g, i) => {
      if (g === undefined) {
        throw new TrainingError(`Cannot train ${this.names[i]} as the loss does not depend on it`);
      }
      const view = this.#views[i]!;
      if (this.cleared && lieTogether(g.value, view.value)) return;
      update(this.cleared ? copyProgram : accumulate, [view], [g]);
    });
    this.cleared = false;
  }

  /** Squared norm of the gradients, `[1]`: what an optimiser clips by. */
  squaredNorm(): Tensor {
    // The memory ends with zeros that fill the last line.
    const rows = asStrided(this.gradients, [Math.ceil(sizeOf(this.flat.shape) / line), line]);
    const sums = apply(squaredRowsOp, [rows], {})[0]!;
    return reshape(sumRow(reshape(sums, [-1])), [1]);
  }
}

/** Whether two values of one shape are the same memory, element for element. */
function lieTogether(a: Value, b: Value): boolean {
  return a.storage === b.storage && a.offset === b.offset && a.contiguous && b.contiguous;
}

/** Views of a flat tensor in the shapes of the parameters, one after the other. */
function viewsOf(flat: Tensor, list: readonly Parameter[]): Tensor[] {
  let at = 0;
  return list.map(({ shape, size }) => {
    const view = asStrided(flat, shape, undefined, at);
    at += size;
    return view;
  });
}
