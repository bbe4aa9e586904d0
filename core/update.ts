/**
 * Updates in place: the one way to change memory that tensors already look at. Optimisers use it on
 * flat parameter storage, generation on its caches; nothing records it.
 *
 * @module
 */

import type { Affine } from "./backend.ts";
import { gatherProgram, type RowProgram } from "./program.ts";
import { sizeOf } from "./shape.ts";
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
  indices: readonly Affine[] = [],
): void {
  const space = outputs[0]!.shape;
  for (const { value } of outputs) value.storage.words = undefined;
  outputs[0]!.device.backend.run(program, {
    space,
    inputs: inputs.map((t) => t.value.bound(space)),
    outputs: outputs.map((t) => t.value.bound(space)),
    indices,
    scalars,
  });
}

/**
 * Writes rows of a table to the front of an existing tensor.
 *
 * **Shapes**: out `[count or more, …row]`, table `[height, …row]`, each the whole of its memory; rows
 * `[count]`. Indices must lie within the table: the caller checks them.
 */
export function gatherInto(out: Tensor, table: Tensor, rows: Tensor): void {
  const width = sizeOf(table.shape.slice(1));
  const flat = { offset: 0, strides: [width, 1] };
  out.device.backend.run(gatherProgram, {
    space: [rows.shape[0]!, width],
    inputs: [{ ...table.value.bound(), ...flat }, rows.value.bound()],
    outputs: [{ ...out.value.bound(), ...flat }],
    indices: [],
    scalars: [],
  });
}
