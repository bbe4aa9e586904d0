/**
 * Elementwise operations of tensors and numbers. A number is given at each run and enters no
 * program, so that `add(x, 1)` and `add(x, 2)` run the same one.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError } from "../arguments.ts";
import { shown } from "../excerpt.ts";
import { type Expr, type Float, input, scalar } from "../expr.ts";
import { checkInteger } from "../numbers.ts";
import { Tensor } from "../tensor.ts";
import type { Override } from "./row_gradient.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

/** A tensor whose shape broadcasts, or a number for every element. */
export type Operand = Tensor | number;

/** Kinds of the operands, which are tensors or, in scalar slots, numbers; in their order. */
type Place = readonly [kind: "f32" | "u32", number: boolean, name: string];

function declare(
  name: string,
  places: readonly Place[],
  body: (...x: never[]) => Expr,
  gradients: OperandOptions["gradients"],
): RowOp {
  const kinds: Record<string, "f32" | "u32"> = {};
  let [inputs, scalars] = [0, 0];
  const leaves = places.map(([kind, number, place]) => {
    if (number) return scalar(scalars++, kind);
    kinds[place] = kind;
    return input(inputs++, kind, 3);
  });
  const override: Override | undefined = gradients && (([g], [y]) => {
    return gradients(g!, y!, ...leaves as Float[]).filter((_, i) => !places[i]![1]);
  });
  return rowwise(name, kinds, [body(...leaves as never[])], override);
}

/** How {@linkcode ofOperands} reads its operands. */
export interface OperandOptions {
  /** Names of the operands in messages; default `a` and `b`. */
  readonly names?: readonly string[];
  /** Whether words are taken where one operand is a tensor of words; default false. */
  readonly words?: boolean;
  /** How many of the first operands are masks of words; default 0. */
  readonly conditions?: number;
  /** Gradients of all operands by hand, given that of the result and the result. */
  readonly gradients?: (g: Float, y: Float, ...operands: Float[]) => readonly Float[];
}

/**
 * Declares an operation of broadcast operands. All but the conditions are floats, or words where
 * `words` is set and one of them is a tensor of words.
 *
 * @param body Of as many expressions as there are names
 */
export function ofOperands(
  name: string,
  body: (...x: never[]) => Expr,
  { names = ["a", "b"], words = false, conditions = 0, gradients }: OperandOptions = {},
): (...operands: Operand[]) => Tensor {
  const ops = new Map<number, RowOp>();
  return (...given) => {
    // What calls it may hand on more, as `reduce(add)` does.
    const operands = given.slice(0, names.length);
    for (let i = 0; i < names.length; i++) {
      checkOperand(name, names[i]!, operands[i], i >= conditions);
    }
    const tensors = operands.filter((x) => typeof x !== "number");
    const scalars = operands.filter((x) => typeof x === "number");
    const kind = words && tensors.slice(conditions).some(({ dtype }) => dtype === "u32");
    if (kind) checkWords(name, names, operands);
    const key = operands.reduce<number>((k, x) => 2 * k + Number(typeof x === "number"), +kind);
    let op = ops.get(key);
    if (op === undefined) {
      const places = operands.map((x, i): Place => [
        i < conditions || kind ? "u32" : "f32",
        typeof x === "number",
        names[i]!,
      ]);
      ops.set(key, op = declare(name, places, body, gradients));
    }
    return apply(op, tensors, { scalars })[0]!;
  };
}

/**
 * Refuses what is no tensor, and no number either where one is taken.
 *
 * @throws {ShapeError} If it is neither
 */
function checkOperand(
  operation: string,
  place: string,
  x: unknown,
  orNumber: boolean,
): void {
  if (x instanceof Tensor || orNumber && typeof x === "number") return;
  throw argumentError(operation, place, orNumber ? "a tensor or a number" : "a tensor", shown(x));
}

/** Numbers beside words must be words themselves. */
function checkWords(operation: string, names: readonly string[], operands: readonly Operand[]) {
  operands.forEach((x, i) => {
    if (typeof x === "number") checkInteger(operation, names[i]!, x, 0, 0xFFFFFFFF);
  });
}
