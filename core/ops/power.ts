/**
 * Powers: products of the base where the exponent is a small whole number, else by logarithms, with
 * the exceptions of IEEE 754's `pow`.
 *
 * @module
 */

import { apply } from "../apply.ts";
import {
  type Bool,
  filled,
  type Float,
  float,
  input,
  multiplyWords,
  select,
  shiftRight,
  subtractWords,
  toFloat,
  toWord,
  word,
} from "../expr.ts";
import { lowestFloat } from "../dtype.ts";
import { Tensor } from "../tensor.ts";
import { ofOperands, type Operand } from "./operands.ts";
import { type RowOp, rowwise } from "./rowwise.ts";

/** One operation for each whole exponent: products of the base. */
const wholePowers = new Map<number, RowOp>();

/** A product of as few factors as squaring allows. */
function wholePower(x: Float, exponent: number): Float {
  if (exponent < 0) return float(1).div(wholePower(x, -exponent));
  if (exponent < 2) return exponent === 0 ? filled(1) : x;
  const half = wholePower(x, Math.floor(exponent / 2));
  return exponent % 2 === 0 ? half.mul(half) : half.mul(half).mul(x);
}

const either = (a: Bool, b: Bool): Bool => a.not().and(b.not()).not();

/** Whether a number has no fraction, and whether it is odd; no float from 2^31 on is. */
function parity(x: Float): { whole: Bool; odd: Bool } {
  const size = x.unary("abs");
  const digits = toWord(size);
  const half = multiplyWords(shiftRight(digits, 1), word(2));
  const small = size.compare("lt", 2 ** 31).and(toFloat(digits).compare("eq", size));
  const odd = small.and(subtractWords(digits, half).compare("eq", 1));
  return { whole: either(small, float(2 ** 31).compare("le", size)), odd };
}

/** `base` to the power of `exponent`. */
function powerOf(base: Float, exponent: Float): Float {
  const [size, length] = [base.unary("abs"), exponent.unary("abs")];
  const endless = float(-lowestFloat).compare("lt", length);
  const one = either(
    either(exponent.compare("eq", 0), base.compare("eq", 1)),
    size.compare("eq", 1).and(endless),
  );
  // Adapters have logarithms of 1 that are not 0.
  const product = exponent.mul(size.unary("log")).unary("exp");
  const magnitude = select(size.compare("eq", 1), float(1), product);
  const { whole, odd } = parity(exponent);
  const below = base.compare("lt", 0);
  const negative = either(below, float(1).div(base).compare("lt", 0));
  // Below 0 only whole powers are real; NaN is the logarithm of the base.
  const unreal = below.and(float(lowestFloat).compare("le", base)).and(whole.not());
  const signed = select(negative.and(odd), magnitude.neg(), magnitude);
  const other = select(unreal, base.unary("log"), signed);
  return select(one, float(1), select(exponent.compare("eq", 1), base, other));
}

/** Gradients of base and exponent, which the derived ones lack where the base is 0. */
function powerGradients(g: Float, y: Float, base: Float, exponent: Float): [Float, Float] {
  const atZero = g.mul(exponent).mul(powerOf(base, exponent.sub(1)));
  const slope = select(base.compare("eq", 0), atZero, g.mul(y).mul(exponent).div(base));
  const flat = base.compare("eq", 0).and(float(0).compare("le", exponent));
  return [
    select(exponent.compare("eq", 0), float(0), slope),
    select(flat, float(0), g.mul(y).mul(base.unary("log"))),
  ];
}

const power = ofOperands("pow", powerOf, {
  names: ["base", "exponent"],
  gradients: powerGradients,
});

/**
 * `base` to the power of `exponent`; shapes broadcast. Whole numbers from -64 to 64 are products.
 * Below 0 only whole powers are real: others are NaN, and so is the gradient of the exponent there.
 *
 * @throws {ShapeError} If an operand is neither a tensor of floats nor a number, or the shapes do not
 * broadcast
 */
export function pow(base: Operand, exponent: Operand): Tensor {
  const whole = typeof exponent === "number" && Number.isInteger(exponent) &&
    Math.abs(exponent) <= 64;
  if (!(base instanceof Tensor && whole)) return power(base, exponent);
  let op = wholePowers.get(exponent);
  if (op === undefined) {
    const x = input(0, "f32", 3);
    wholePowers.set(exponent, op = rowwise("pow", { base: "f32" }, [wholePower(x, exponent)]));
  }
  return apply(op, [base], {})[0]!;
}
