/**
 * The scalar table: one row per operation, with its text in each target language and its
 * derivative. To add an operation, add a row here and a line in `ops/elementwise.ts`.
 *
 * @module
 */

import { type Bool, type Expr, type Float, float, select } from "./expr.ts";

/** What an operation on scalars is. */
export interface ScalarRow {
  /** JavaScript text over the operands' names. */
  readonly js: (...args: string[]) => string;
  /** WGSL text, where it is not the JavaScript text. */
  readonly wgsl?: (...args: string[]) => string;
  /** Whether recomputing it in another pass over the row costs more than storing it. */
  readonly costly?: boolean;
  /** Contribution to each operand's derivative, given that of the result `y`. */
  readonly derivative?: (g: Float, x: readonly Float[], y: Float) => readonly (Float | undefined)[];
}

const infix = (sign: string) => (a: string, b: string) => `${a} ${sign} ${b}`;
const call = (name: string) => (...args: string[]) => `${name}(${args.join(", ")})`;

const rows = {
  add: { js: infix("+"), derivative: (g) => [g, g] },
  sub: { js: infix("-"), derivative: (g) => [g, g.neg()] },
  mul: { js: infix("*"), derivative: (g, [a, b]) => [g.mul(b!), g.mul(a!)] },
  div: {
    js: infix("/"),
    derivative: (g, [, b], y) => [g.div(b!), g.mul(y).div(b!).neg()],
  },
  neg: { js: (a) => `-${a}`, derivative: (g) => [g.neg()] },
  abs: {
    js: call("Math.abs"),
    wgsl: call("abs"),
    derivative: (g, [a]) => [select(a!.compare("lt", 0), g.neg(), g)],
  },
  exp: {
    js: call("Math.exp"),
    wgsl: call("exp"),
    costly: true,
    derivative: (g, _, y) => [g.mul(y)],
  },
  log: {
    js: call("Math.log"),
    wgsl: call("log"),
    costly: true,
    derivative: (g, [a]) => [g.div(a!)],
  },
  sqrt: { js: call("Math.sqrt"), wgsl: call("sqrt"), derivative: (g, _, y) => [g.mul(0.5).div(y)] },
  rsqrt: {
    js: (a) => `1 / Math.sqrt(${a})`,
    wgsl: call("inverseSqrt"),
    derivative: (g, _, y) => [g.mul(-0.5).mul(y).mul(y).mul(y)],
  },
  tanh: {
    js: call("Math.tanh"),
    // Some drivers compute it from exp, which overflows.
    wgsl: (a) => `tanh(clamp(${a}, -16.0, 16.0))`,
    costly: true,
    derivative: (g, _, y) => [g.mul(float(1).sub(y.mul(y)))],
  },
  erf: {
    js: call("erf"),
    costly: true,
    derivative: (g, [a]) => [g.mul(a!.mul(a!).neg().unary("exp").mul(2 / Math.sqrt(Math.PI)))],
  },
  max: {
    js: call("Math.max"),
    wgsl: call("max"),
    derivative: (g, [a, b]) => {
      const second = a!.compare("lt", b!);
      return [select(second, float(0), g), select(second, g, float(0))];
    },
  },
  select: {
    js: (c, a, b) => `${c} ? ${a} : ${b}`,
    wgsl: (c, a, b) => `select(${b}, ${a}, ${c})`,
    derivative: (g, [condition]) => {
      const c = condition as Expr as Bool;
      return [undefined, select(c, g, float(0)), select(c, float(0), g)];
    },
  },
  stop: { js: (a) => a, derivative: () => [undefined] },
  toFloat: { js: (a) => a, wgsl: call("f32") },
  toWord: { js: (a) => `${a} >>> 0`, wgsl: call("u32") },
  lt: { js: infix("<") },
  le: { js: infix("<=") },
  eq: { js: infix("==="), wgsl: infix("==") },
  and: { js: infix("&&") },
  not: { js: (a) => `!${a}` },
  wordAdd: { js: (a, b) => `(${a} + ${b}) >>> 0`, wgsl: infix("+") },
  wordSubtract: { js: (a, b) => `(${a} - ${b}) >>> 0`, wgsl: infix("-") },
  wordMultiply: { js: (a, b) => `Math.imul(${a}, ${b}) >>> 0`, wgsl: infix("*") },
  wordShift: { js: (a, b) => `${a} >>> ${b}`, wgsl: infix(">>") },
  draw: { js: call("draw"), costly: true },
} satisfies Record<string, ScalarRow>;

const table: ReadonlyMap<string, ScalarRow> = new Map(Object.entries(rows));

/** Names of all scalar operations. */
export const scalarOperations: readonly string[] = Object.keys(rows);

/**
 * The operation's row.
 *
 * @throws {TypeError} If there is none
 */
export function scalarRow(op: string): ScalarRow {
  const row = table.get(op);
  if (row === undefined) throw new TypeError(`Cannot find scalar operation ${op} in the table`);
  return row;
}
