/**
 * Elementwise operations: one line each; the gradient comes from the same expression.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { type Expr, type Float, input, larger, scalar } from "../expr.ts";
import { geluOf, geluTanhOf, reluOf, sigmoidOf, siluOf } from "../activations.ts";
import type { Tensor } from "../tensor.ts";
import { checkInteger, checkNumber } from "../numbers.ts";
import { ofOperands, type Operand } from "./operands.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

/**
 * Declares an elementwise operation of `arity` broadcast inputs.
 *
 * @throws {ShapeError} If the arity is no integer of at least 0
 */
export function elementwise(
  name: string,
  arity: number,
  body: (...x: Float[]) => Expr,
): RowOp {
  checkInteger(name, "arity", arity, 0, Infinity);
  const inputs = Array.from({ length: arity }, (_, slot) => input(slot, "f32", 3));
  return rowwise(name, inputs.map(() => "f32" as const), [body(...inputs)]);
}

/** By the larger of the negatives, which hands on what is not a number. */
const smaller = (a: Float, b: Float) => larger(a.neg(), b.neg()).neg();

const unary = (name: string, body: (x: Float) => Float): (x: Tensor) => Tensor => {
  const op = elementwise(name, 1, (x) => body(x!));
  return (x) => apply(op, [x], {})[0]!;
};

/** Sum; shapes broadcast. */
export const add: (a: Operand, b: Operand) => Tensor = ofOperands(
  "add",
  (a: Float, b: Float) => a.add(b),
);
/** Difference; shapes broadcast. */
export const sub: (a: Operand, b: Operand) => Tensor = ofOperands(
  "sub",
  (a: Float, b: Float) => a.sub(b),
);
/** Product; shapes broadcast. */
export const mul: (a: Operand, b: Operand) => Tensor = ofOperands(
  "mul",
  (a: Float, b: Float) => a.mul(b),
);
/** Quotient; shapes broadcast. */
export const div: (a: Operand, b: Operand) => Tensor = ofOperands(
  "div",
  (a: Float, b: Float) => a.div(b),
);
/** The larger of two numbers; where they are equal the gradient goes to the first. */
export const maximum: (a: Operand, b: Operand) => Tensor = ofOperands("maximum", larger);
/** The smaller of two numbers; where they are equal the gradient goes to the first. */
export const minimum: (a: Operand, b: Operand) => Tensor = ofOperands("minimum", smaller);
/** The number, not below `low` and not above `high`; inside and at the bounds the gradient passes. */
export const clip: (x: Operand, low: Operand, high: Operand) => Tensor = ofOperands(
  "clip",
  (x: Float, low: Float, high: Float) => smaller(larger(x, low), high),
  { names: ["x", "low", "high"] },
);
/** `-x`. */
export const neg: (x: Tensor) => Tensor = unary("neg", (x) => x.neg());
/** Absolute value; the derivative at 0 is 1. */
export const abs: (x: Tensor) => Tensor = unary("abs", (x) => x.unary("abs"));
/** `e^x`; beyond the largest float it is infinite. */
export const exp: (x: Tensor) => Tensor = unary("exp", (x) => x.unary("exp"));
/** Natural logarithm; NaN below 0. */
export const log: (x: Tensor) => Tensor = unary("log", (x) => x.unary("log"));
/** Square root; NaN below 0. */
export const sqrt: (x: Tensor) => Tensor = unary("sqrt", (x) => x.unary("sqrt"));
/** One over the square root. */
export const rsqrt: (x: Tensor) => Tensor = unary("rsqrt", (x) => x.unary("rsqrt"));
/** Hyperbolic tangent. */
export const tanh: (x: Tensor) => Tensor = unary("tanh", (x) => x.unary("tanh"));
/** Error function. */
export const erf: (x: Tensor) => Tensor = unary("erf", (x) => x.unary("erf"));
/** `x · x`. */
export const square: (x: Tensor) => Tensor = unary("square", (x) => x.mul(x));
/** `x Φ(x)`, exact: Hugging Face's `gelu`. */
export const gelu: (x: Tensor) => Tensor = unary("gelu", geluOf);
/** The approximation of GELU by tanh: Hugging Face's `gelu_new`. */
export const geluTanh: (x: Tensor) => Tensor = unary("geluTanh", geluTanhOf);
/** `1 / (1 + exp(-x))`. */
export const sigmoid: (x: Tensor) => Tensor = unary("sigmoid", sigmoidOf);
/** `x sigmoid(x)`. */
export const silu: (x: Tensor) => Tensor = unary("silu", siluOf);
/** The positive part; the derivative at 0 is 0. */
export const relu: (x: Tensor) => Tensor = unary("relu", reluOf);

const scaleOp = elementwise("scale", 1, (x) => x!.mul(scalar(0, "f32")));

/**
 * Product with a number.
 *
 * @throws {ShapeError} If `factor` is no number
 */
export function scale(x: Tensor, factor: number): Tensor {
  checkNumber("scale", "factor", factor);
  return apply(scaleOp, [x], { scalars: [factor] })[0]!;
}
