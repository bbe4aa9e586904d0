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

const joins = new WeakMap<MatmulProgram, Map<number, RowProgram>>();

/** Adds partial products that are inputs of their own, then computes the epilogue of `program`. */
export function joinProgram(program: MatmulProgram, parts: number): RowProgram {
  const known = joins.get(program) ?? new Map<number, RowProgram>();
  joins.set(program, known);
  let found = known.get(parts);
  if (found === undefined) {
    const [first, ...rest] = Array.from({ length: parts }, (_, i) => input(i, "f32", 3));
    const sum = rest.reduce((sum, part) => sum.add(part), first!);
    const extras = program.inputs.slice(2);
    const leaves = new Map<Expr, Expr>([[input(0, "f32", 3), sum]]);
    extras.forEach((_, i) => leaves.set(input(i + 1, "f32", 3), input(parts + i, "f32", 3)));
    const kinds = [...Array.from({ length: parts }, () => "f32" as const), ...extras];
    found = rowProgram(kinds, program.outputs.map((e) => substitute(e, leaves)));
    known.set(parts, found);
  }
  return found;
}
