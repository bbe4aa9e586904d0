/**
 * Activations as scalar expressions, for operations of their own and for the ends of products. Names end
 * in `Of` as those of the operations on tensors stand in `ops/elementwise.ts`.
 *
 * @module
 */

import { type Float, float, select } from "./expr.ts";

/** `x Φ(x)`. */
export function geluOf(x: Float): Float {
  return x.mul(0.5).mul(x.mul(Math.SQRT1_2).unary("erf").add(1));
}

/** The approximation of GELU by tanh. */
export function geluTanhOf(x: Float): Float {
  const inner = x.add(x.mul(x).mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(inner.unary("tanh").add(1));
}

/** `1 / (1 + exp(-x))`, with small results as exact as large ones; nothing overflows. */
export function sigmoidOf(x: Float): Float {
  const e = x.unary("abs").neg().unary("exp");
  return select(x.compare("lt", 0), e, float(1)).div(e.add(1));
}

/** `x sigmoid(x)`, by tanh. */
export function siluOf(x: Float): Float {
  return x.mul(x.mul(0.5).unary("tanh").add(1).mul(0.5));
}

/** The positive part; the derivative at 0 is 0. */
export function reluOf(x: Float): Float {
  return select(x.compare("le", 0), float(0), x);
}
