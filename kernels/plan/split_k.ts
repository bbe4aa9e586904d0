/**
 * Products whose inner axis is divided into chunks: the plain product that fills the partial results,
 * and the row program that adds them and applies the epilogue.
 *
 * @module
 */

import type { Binding, Bound } from "../../core/backend.ts";
import { type Expr, input, rowSum, substitute } from "../../core/expr.ts";
import {
  type MatmulProgram,
  matmulProgram,
  type RowProgram,
  rowProgram,
} from "../../core/program.ts";

/** A product without an epilogue. */
export const plainProduct: MatmulProgram = matmulProgram(["f32", "f32"], [input(0, "f32", 3)]);

const finishes = new WeakMap<MatmulProgram, RowProgram>();

/** Adds partial products along its row, then computes the epilogue of `program`. */
export function finishProgram(program: MatmulProgram): RowProgram {
  let found = finishes.get(program);
  if (found === undefined) {
    const kinds = program.inputs.slice(1);
    const leaves = kinds.map((_, slot): [Expr, Expr] => {
      const once = slot === 0 ? rowSum(input(0, "f32", 3)) : input(slot, "f32", 1);
      return [input(slot, "f32", 3), once];
    });
    found = rowProgram(kinds, program.outputs.map((e) => substitute(e, new Map(leaves))));
    finishes.set(program, found);
  }
  return found;
}

/** The run of that program over `chunks` products; `partial` is seen over the result and the chunks. */
export function finishBinding(
  { space, inputs, outputs, scalars }: Binding,
  partial: Bound,
  chunks: number,
): Binding {
  const each = (o: Bound) => ({ ...o, strides: [...o.strides, 0] });
  return {
    space: [...space.slice(0, -1), chunks],
    inputs: [partial, ...inputs.slice(2).map(each)],
    outputs: outputs.map(each),
    indices: [],
    scalars,
  };
}
