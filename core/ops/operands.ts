/**
 * Elementwise operations of tensors and numbers. A number is given at each run and enters no
 * program, so that `add(x, 1)` and `add(x, 2)` run the same one.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { type Expr, input, scalar } from "../expr.ts";
import type { Tensor } from "../tensor.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

/** A tensor whose shape broadcasts, or a number for every element. */
export type Operand = Tensor | number;

/** Kinds of the operands and of the scalar slots, in their order. */
type Place = readonly [kind: "f32" | "u32", number: boolean];

function declare(name: string, places: readonly Place[], body: (...x: never[]) => Expr): RowOp {
  const kinds: ("f32" | "u32")[] = [];
  let scalars = 0;
  const leaves = places.map(([kind, number]) =>
    number ? scalar(scalars++, kind) : input(kinds.push(kind) - 1, kind, 3)
  );
  return rowwise(name, kinds, [body(...leaves as never[])]);
}

/**
 * Declares an operation of broadcast operands. All but the conditions are floats, or words where
 * `words` is set and one of them is a tensor of words.
 *
 * @param options.conditions How many of the first operands are masks of words
 */
export function ofOperands(
  name: string,
  body: (...x: never[]) => Expr,
  { words = false, conditions = 0 }: { words?: boolean; conditions?: number } = {},
): (...operands: Operand[]) => Tensor {
  const ops = new Map<number, RowOp>();
  return (...given) => {
    // What calls it may hand on more, as `reduce(add)` does.
    const operands = given.slice(0, body.length);
    const tensors = operands.filter((x) => typeof x !== "number");
    const kind = words && tensors.slice(conditions).some(({ dtype }) => dtype === "u32");
    const key = operands.reduce<number>((k, x) => 2 * k + Number(typeof x === "number"), +kind);
    let op = ops.get(key);
    if (op === undefined) {
      const places = operands.map((x, i): Place => [
        i < conditions || kind ? "u32" : "f32",
        typeof x === "number",
      ]);
      ops.set(key, op = declare(name, places, body));
    }
    const scalars = operands.filter((x) => typeof x === "number");
    return apply(op, tensors, { scalars })[0]!;
  };
}
