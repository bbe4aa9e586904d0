/**
 * Comparisons, whose results are masks of words: 1 where they hold, 0 elsewhere. No gradient flows
 * through them.
 *
 * @module
 */

import { type Bool, type Expr, select, word } from "../expr.ts";
import type { Tensor } from "../tensor.ts";
import { ofOperands, type Operand } from "./operands.ts";

const comparison = (name: string, holds: (a: Expr, b: Expr) => Bool) =>
  ofOperands(name, (a: Expr, b: Expr) => select(holds(a, b), word(1), word(0)), { words: true });

/** 1 where the numbers are equal; both floats or both words. */
export const equal: (a: Operand, b: Operand) => Tensor = comparison(
  "equal",
  (a, b) => a.compare("eq", b),
);
/** 1 where the numbers differ. */
export const notEqual: (a: Operand, b: Operand) => Tensor = comparison(
  "notEqual",
  (a, b) => a.compare("eq", b).not(),
);
/** 1 where the first is below the second. */
export const less: (a: Operand, b: Operand) => Tensor = comparison(
  "less",
  (a, b) => a.compare("lt", b),
);
/** 1 where the first is at most the second. */
export const lessEqual: (a: Operand, b: Operand) => Tensor = comparison(
  "lessEqual",
  (a, b) => a.compare("le", b),
);
/** 1 where the first is above the second. */
export const greater: (a: Operand, b: Operand) => Tensor = comparison(
  "greater",
  (a, b) => b.compare("lt", a),
);
/** 1 where the first is at least the second. */
export const greaterEqual: (a: Operand, b: Operand) => Tensor = comparison(
  "greaterEqual",
  (a, b) => b.compare("le", a),
);

/**
 * `a` where the mask is not 0, otherwise `b`; shapes broadcast. Both are floats or both are words.
 */
export const where: (mask: Tensor, a: Operand, b: Operand) => Tensor = ofOperands(
  "where",
  (mask: Expr<"u32">, a: Expr, b: Expr) => select(mask.compare("eq", 0), b, a),
  { names: ["mask", "a", "b"], words: true, conditions: 1 },
);
