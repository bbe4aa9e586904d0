/**
 * The scalar table: one row per operation, with its derivative. To add an operation, name it in
 * `operations.ts`; what does not compile then is each table that lacks a row: this one and one in
 * each backend.
 *
 * @module
 */

import { type Bool, type Expr, type Float, float, select } from "./expr.ts";
import type { ExprOp, ScalarOp } from "./operations.ts";

/** What an operation on scalars is. */
export interface ScalarRow {
  /** Whether recomputing it in another pass over the row costs more than storing it. */
  readonly costly?: boolean;
  /** Contribution to each operand's derivative, given that of the result `y`. */
  readonly derivative?: (g: Float, x: readonly Float[], y: Float) => readonly (Float | undefined)[];
}

const rows: Readonly<Record<ScalarOp, ScalarRow>> = {
  add: { derivative: (g) => [g, g] },
  sub: { derivative: (g) => [g, g.neg()] },
  mul: { derivative: (g, [a, b]) => [g.mul(b!), g.mul(a!)] },
  div: { derivative: (g, [, b], y) => [g.div(b!), g.mul(y).div(b!).neg()] },
  neg: { derivative: (g) => [g.neg()] },
  abs: { derivative: (g, [a]) => [select(a!.compare("lt", 0), g.neg(), g)] },
  exp: { costly: true, derivative: (g, _, y) => [g.mul(y)] },
  log: { costly: true, derivative: (g, [a]) => [g.div(a!)] },
  sqrt: { derivative: (g, _, y) => [g.mul(0.5).div(y)] },
  rsqrt: { derivative: (g, _, y) => [g.mul(-0.5).mul(y).mul(y).mul(y)] },
  tanh: { costly: true, derivative: (g, _, y) => [g.mul(float(1).sub(y.mul(y)))] },
  erf: {
    costly: true,
    derivative: (g, [a]) => [g.mul(a!.mul(a!).neg().unary("exp").mul(2 / Math.sqrt(Math.PI)))],
  },
  max: {
    derivative: (g, [a, b]) => {
      const second = a!.compare("lt", b!);
      return [select(second, float(0), g), select(second, g, float(0))];
    },
  },
  select: {
    derivative: (g, [condition]) => {
      const c = condition as Expr as Bool;
      return [undefined, select(c, g, float(0)), select(c, float(0), g)];
    },
  },
  stop: { derivative: () => [undefined] },
  toFloat: {},
  toWord: {},
  lt: {},
  le: {},
  eq: {},
  and: {},
  not: {},
  wordAdd: {},
  wordSubtract: {},
  wordMultiply: {},
  wordShift: {},
  draw: { costly: true },
};

/** The row of an operation on scalars; leaves and reductions have none. */
export function scalarRow(op: ExprOp): ScalarRow | undefined {
  const found: Readonly<Partial<Record<ExprOp, ScalarRow>>> = rows;
  return found[op];
}
