/**
 * Gradient checkpointing: memory for time. What a function computes is not kept for the gradient, but
 * computed again when the backward pass comes to it.
 *
 * **Source**: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost" (arXiv 1604.06174).
 *
 * @module
 */

import { deviceOf } from "./apply.ts";
import { argumentError } from "./arguments.ts";
import { DisposedError, GradientError } from "./errors.ts";
import { shown } from "./excerpt.ts";
import type { Value } from "./storage.ts";
import { recordRerun } from "./tape.ts";
import { Tensor } from "./tensor.ts";

/**
 * Runs a function of tensors, of which the gradient keeps the inputs alone: in the backward pass it
 * runs once more, without the operations whose results nobody reads, and what it made is freed before
 * what ran earlier is come to. The gradients are those without a checkpoint, to the bit, as every
 * operation and every sum has the same order; those of gradients have sums in another order. Outside of
 * `gradient` it only runs.
 *
 * The function must compute the same whenever it runs. It may read parameters and other tensors that
 * outlive the gradient, which flows to them; those made inside `gradient` must be inputs. Checkpoints
 * may stand in one another.
 *
 * @param inputs Tensors to run on, at least one
 * @param fn Runs at once and in the backward pass; it must not return a promise
 * @returns What it returned: a tensor, or a list of them
 * @throws {ShapeError} If it returns anything else
 * @throws {GradientError} In the backward pass: if it reads what was disposed, or applies other operations
 *
 * @example Keeps `x`, and neither of its functions
 * ```ts
 * import { checkpoint, Device, gradient, openCpu, sum, tanh, tensor } from "@hiddenkey/hiddenkey";
 *
 * await using device = new Device(openCpu());
 * using _scope = device.scope("example");
 * const x = tensor(device, [1, 2, 3]);
 * const { gradients } = gradient(() => sum(checkpoint([x], (x) => tanh(tanh(x)))), [x]);
 * console.log(await gradients[0]!.read());
 * ```
 */
export function checkpoint<I extends readonly Tensor[], R extends Tensor | readonly Tensor[]>(
  inputs: readonly [...I],
  fn: (...inputs: NoInfer<I>) => R,
): R {
  const device = deviceOf(inputs);
  const values = inputs.map((x) => x.valueFor("checkpoint"));
  return device.inside("checkpoint", (scope) => {
    let result: R;
    const first = () => {
      const made = listOf(result = fn(...inputs));
      for (const t of made) scope.keep(t);
      return made.map(({ value }) => value);
    };
    recordRerun(values, first, () =>
      device.inside("checkpoint", () => {
        const handles = values.map((value) => new Tensor(value, device));
        return again(() => fn(...handles as readonly Tensor[] as I));
      }));
    return result!;
  });
}

/** Runs a function in the backward pass, when what the forward pass made is gone. */
function again(fn: () => Tensor | readonly Tensor[]): Value[] {
  try {
    return listOf(fn()).map(({ value }) => value);
  } catch (cause) {
    if (!(cause instanceof DisposedError)) throw cause;
    throw new GradientError(
      "Cannot run a checkpoint again as tensors made inside gradient must be its inputs: " +
        "found another one, which was disposed",
      { cause },
    );
  }
}

function listOf(result: Tensor | readonly Tensor[]): readonly Tensor[] {
  const list = result instanceof Tensor ? [result] : result;
  if (Array.isArray(list) && list.every((t) => t instanceof Tensor)) return list;
  throw argumentError("checkpoint", "fn", "a function that returns tensors", shown(result));
}
