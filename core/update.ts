/**
 * Updates in place: the one way to change memory that tensors already look at. Optimisers use it on
 * flat parameter storage; nothing records it.
 *
 * @module
 */

import type { RowProgram } from "./program.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Runs a row program whose outputs are existing tensors of the same shape.
 *
 * @param outputs Tensors to write; the program reads what they held by `old(slot)`
 * @param inputs Tensors that broadcast to that shape
 */
export function update(
  program: RowProgram,
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  scalars: readonly number[] = [],
): void {
  const space = outputs[0]!.shape;
  outputs[0]!.device.backend.run(program, {
    space,
    inputs: inputs.map((t) => t.value.bound(space)),
    outputs: outputs.map((t) => t.value.bound(space)),
    indices: [],
    scalars,
  });
}
