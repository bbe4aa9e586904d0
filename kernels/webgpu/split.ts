/**
 * Products whose inner axis is cut in chunks: the plain product that fills the partial results, and
 * the row program that adds them and applies the epilogue.
 *
 * @module
 */

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
