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

/** `1 / (1 + exp(-x))`, by tanh so that nothing overflows. */
export function sigmoidOf(x: Float): Float {
  return x.mul(0.5).unary("tanh").add(1).mul(0.5);
}

/** `x sigmoid(x)`. */
export function siluOf(x: Float): Float {
  return x.mul(sigmoidOf(x));
}

/** The positive part; the derivative at 0 is 0. */
export function reluOf(x: Float): Float {
  return select(x.compare("le", 0), float(0), x);
}
