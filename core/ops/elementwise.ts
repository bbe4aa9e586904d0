/**
 * Elementwise operations: one line each; the gradient comes from the same expression.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { type Expr, type Float, input, larger, scalar } from "../expr.ts";
import { geluOf, geluTanhOf, reluOf, sigmoidOf, siluOf } from "../activations.ts";
import type { Tensor } from "../tensor.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

/** Declares an elementwise operation of `arity` broadcast inputs. */
export function elementwise(
  name: string,
  arity: number,
  body: (...x: Float[]) => Expr,
): RowOp {
  const inputs = Array.from({ length: arity }, (_, slot) => input(slot, "f32", 3));
  return rowwise(name, inputs.map(() => "f32" as const), [body(...inputs)]);
}

const unary = (name: string, body: (x: Float) => Float): (x: Tensor) => Tensor => {
  const op = elementwise(name, 1, (x) => body(x!));
  return (x) => apply(op, [x], {})[0]!;
};

const binary = (name: string, body: (a: Float, b: Float) => Float) => {
  const op = elementwise(name, 2, (a, b) => body(a!, b!));
  return (a: Tensor, b: Tensor): Tensor => apply(op, [a, b], {})[0]!;
};

/** Sum; shapes broadcast. */
export const add: (a: Tensor, b: Tensor) => Tensor = binary("add", (a, b) => a.add(b));
/** Difference; shapes broadcast. */
export const sub: (a: Tensor, b: Tensor) => Tensor = binary("sub", (a, b) => a.sub(b));
/** Product; shapes broadcast. */
export const mul: (a: Tensor, b: Tensor) => Tensor = binary("mul", (a, b) => a.mul(b));
/** Quotient; shapes broadcast. */
export const div: (a: Tensor, b: Tensor) => Tensor = binary("div", (a, b) => a.div(b));
/** The larger of two numbers; where they are equal the gradient goes to the first. */
export const maximum: (a: Tensor, b: Tensor) => Tensor = binary("maximum", larger);
/** Negation. */
export const neg: (x: Tensor) => Tensor = unary("neg", (x) => x.neg());
/** Absolute value; the derivative at 0 is 1. */
export const abs: (x: Tensor) => Tensor = unary("abs", (x) => x.unary("abs"));
/** Natural exponential. */
export const exp: (x: Tensor) => Tensor = unary("exp", (x) => x.unary("exp"));
/** Natural logarithm. */
export const log: (x: Tensor) => Tensor = unary("log", (x) => x.unary("log"));
/** Square root. */
export const sqrt: (x: Tensor) => Tensor = unary("sqrt", (x) => x.unary("sqrt"));
/** One over the square root. */
export const rsqrt: (x: Tensor) => Tensor = unary("rsqrt", (x) => x.unary("rsqrt"));
/** Hyperbolic tangent. */
export const tanh: (x: Tensor) => Tensor = unary("tanh", (x) => x.unary("tanh"));
/** Error function. */
export const erf: (x: Tensor) => Tensor = unary("erf", (x) => x.unary("erf"));
/** Square. */
export const square: (x: Tensor) => Tensor = unary("square", (x) => x.mul(x));
/** `x Φ(x)`, exact: Hugging Face's `gelu`. */
export const gelu: (x: Tensor) => Tensor = unary("gelu", geluOf);
/** The approximation of GELU by tanh: Hugging Face's `gelu_new`. */
export const geluTanh: (x: Tensor) => Tensor = unary("geluTanh", geluTanhOf);
/** `1 / (1 + exp(-x))`, by tanh so that nothing overflows. */
export const sigmoid: (x: Tensor) => Tensor = unary("sigmoid", sigmoidOf);
/** `x sigmoid(x)`. */
export const silu: (x: Tensor) => Tensor = unary("silu", siluOf);
/** The positive part; the derivative at 0 is 0. */
export const relu: (x: Tensor) => Tensor = unary("relu", reluOf);

const scaleOp = elementwise("scale", 1, (x) => x!.mul(scalar(0, "f32")));

/** Product with a number. */
export function scale(x: Tensor, factor: number): Tensor {
  return apply(scaleOp, [x], { scalars: [factor] })[0]!;
}
