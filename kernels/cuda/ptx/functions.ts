/**
 * Functions of floats that the instruction set lacks, or has with too large an error.
 *
 * @module
 */

import { erfQuotient, type OddQuotient, tanhQuotient } from "../../plan/approximations.ts";
import { threefryBlock, type Words } from "../../../core/threefry.ts";
import { floatText, type PtxText } from "./text.ts";

/** Writes the instructions of a function and gives the register of its value. */
export type Written = (text: PtxText, ...operands: string[]) => string;

/**
 * `2^n 2^f` with `x log2(e) = n + f`, f taken in two parts; relative error below 3e-7, subnormal
 * results included.
 */
export const writeExp: Written = (text, x) => {
  const high = text.into("f32", "min.NaN.f32", x!, floatText(89));
  const a = text.into("f32", "max.NaN.f32", high, floatText(-104));
  const turns = text.into("f32", "mul.rn.f32", a, floatText(Math.LOG2E));
  const n = text.into("f32", "cvt.rni.f32.f32", turns);
  const rest = text.into("f32", "fma.rn.f32", n, floatText(-0.693359375), a);
  const r = text.into("f32", "fma.rn.f32", n, floatText(2.12194440e-4), rest);
  const f = text.into("f32", "mul.rn.f32", r, floatText(Math.LOG2E));
  const y = text.into("f32", "ex2.approx.f32", f);
  // In two steps, as 2^n alone may be infinite or subnormal.
  const whole = text.into("b32", "cvt.rni.s32.f32", n);
  const half = text.into("b32", "shr.s32", whole, 1);
  const other = text.into("b32", "sub.s32", whole, half);
  const power = (exponent: string) => {
    const biased = text.into("b32", "add.s32", exponent, 127);
    const bits = text.into("b32", "shl.b32", biased, 23);
    return text.into("f32", "mov.b32", bits);
  };
  const first = text.into("f32", "mul.rn.f32", y, power(half));
  return text.into("f32", "mul.rn.f32", first, power(other));
};

/** Absolute error below 2e-7 between 1/2 and 2, relative error below 3e-7 elsewhere. */
export const writeLog: Written = (text, x) => {
  const binary = text.into("f32", "lg2.approx.f32", x!);
  return text.into("f32", "mul.rn.f32", binary, floatText(Math.LN2));
};

function horner(text: PtxText, x: string, coefficients: readonly number[]): string {
  return coefficients.slice(0, -1).reduceRight(
    (sum, c) => text.into("f32", "fma.rn.f32", sum, x, floatText(c)),
    text.into("f32", "mov.f32", floatText(coefficients.at(-1)!)),
  );
}

/** An odd function by its quotient; error below 4e-7. */
function odd({ limit, p, q }: OddQuotient): Written {
  return (text, x) => {
    const high = text.into("f32", "min.NaN.f32", x!, floatText(limit));
    const a = text.into("f32", "max.NaN.f32", high, floatText(-limit));
    const square = text.into("f32", "mul.rn.f32", a, a);
    const top = text.into("f32", "mul.rn.f32", a, horner(text, square, p));
    return text.into("f32", "div.rn.f32", top, horner(text, square, q));
  };
}

/** Hyperbolic tangent. */
export const writeTanh: Written = odd(tanhQuotient);
/** The error function. */
export const writeErf: Written = odd(erfQuotient);

/** A word of a Threefry-2x32-20 block. */
export const writeDraw: Written = (text, k0, k1, first, position) => {
  const words: Words<string> = {
    of: (value) => String(value >>> 0),
    add: (a, b) => text.into("b32", "add.u32", a, b),
    xor: (a, b) => text.into("b32", "xor.b32", a, b),
    rotateLeft: (a, bits) => text.into("b32", "shf.l.wrap.b32", a, a, bits),
    assign: (_, value) => value,
  };
  const counter = [first!, text.into("b32", "shr.u32", position!, 1)] as const;
  const [even, other] = threefryBlock(words, [k0!, k1!], counter);
  const last = text.into("b32", "and.b32", position!, 1);
  const isOdd = text.into("pred", "setp.ne.u32", last, 0);
  return text.into("b32", "selp.b32", other, even, isOdd);
};
