/**
 * Scalar operations on four lanes; errors hold in 32 bits.
 *
 * @module
 */

import type { ScalarOp } from "../../../../core/operations.ts";
import { threefryBlock, type Words } from "../../../../core/threefry.ts";
import {
  erfQuotient,
  exponential,
  logarithm,
  type OddQuotient,
  tanhQuotient,
} from "../../../plan/approximations.ts";
import { f32x4, i32x4, type Routine, v128, when } from "./assembler.ts";
import type { Code } from "./code.ts";

/** Operations that depend on the kind of their operands, or on a constant: the row renderer has them. */
type RenderedOp = "lt" | "le" | "eq" | "wordShift";
/** The operations that stand here. */
export type LaneOp = Exclude<ScalarOp, RenderedOp>;

/** Makes the code of a value from those of its operands. */
export type Lanes = (...operands: Code[]) => Code;

/** `a b + c`, rounded once where the target has it. */
export function multiplyAdd(relaxed: boolean): Lanes {
  return relaxed ? f32x4.relaxedMadd : (a, b, c) => f32x4.add(f32x4.mul(a!, b!), c!);
}

/** A polynomial by its coefficients, the constant first. */
function horner(x: Code, coefficients: readonly number[], madd: Lanes): Code {
  return coefficients.slice(0, -1).reduceRight<Code>(
    (sum, c) => madd(sum, x, f32x4.of(c)),
    f32x4.of(coefficients.at(-1)!),
  );
}

/** The value within limits; what is not a number stays so, as it stands first. */
function clamp(x: Code, low: number, high: number): Code {
  return f32x4.larger(f32x4.smaller(x, f32x4.of(high)), f32x4.of(low));
}

/** `x P(x²) / Q(x²)`: an odd function within ±1 that is flat beyond the limit; error below 4e-7. */
function odd({ limit, p, q }: OddQuotient, routine: Routine, madd: Lanes): Lanes {
  return (x) => {
    const [a, square] = routine.locals(2, "v128");
    return [
      a.set(clamp(x!, -limit, limit)),
      square.set(f32x4.mul(a.get, a.get)),
      f32x4.div(f32x4.mul(a.get, horner(square.get, p, madd)), horner(square.get, q, madd)),
    ];
  };
}

/** `2^n P(r)` with `x = n ln 2 + r`; zero below -87, relative error below 2e-7. */
function exp(routine: Routine, madd: Lanes): Lanes {
  return (x) => {
    const [a, n, r] = routine.locals(3, "v128");
    const magic = f32x4.of(1.5 * 2 ** 23);
    const whole = f32x4.sub(n.get, magic);
    return [
      a.set(clamp(x!, -87.3, 88.8)),
      // The low bits of the sum are the nearest whole number; the shift drops the others.
      n.set(madd(a.get, f32x4.of(Math.LOG2E), magic)),
      r.set(madd(whole, f32x4.of(-0.693359375), a.get)),
      r.set(madd(whole, f32x4.of(2.12194440e-4), r.get)),
      // 2 P(r) times 2^(n-1), as 2^128 alone is infinite.
      f32x4.mul(
        horner(r.get, exponential.map((c) => 2 * c), madd),
        i32x4.shiftLeft(i32x4.add(n.get, i32x4.of(126)), 23),
      ),
    ];
  };
}

/** `e ln 2 + log(1 + f)` with `x = 2^e (1 + f)`, for normal numbers; error below 2e-7. */
function logOfNormal(routine: Routine, madd: Lanes): Lanes {
  const [a, e, f, square] = routine.locals(4, "v128");
  return (x) => [
    a.set(x!),
    // Counted from the bits of sqrt(1/2), so that f lies around zero.
    e.set(i32x4.sub(a.get, i32x4.of(0x3f3504f3))),
    f.set(f32x4.sub(
      i32x4.sub(a.get, v128.and(e.get, i32x4.of(0xff800000))),
      f32x4.of(1),
    )),
    square.set(f32x4.mul(f.get, f.get)),
    e.set(f32x4.fromSigned(i32x4.shiftRightSigned(e.get, 23))),
    madd(
      e.get,
      f32x4.of(Math.LN2),
      madd(
        f32x4.mul(f.get, square.get),
        horner(f.get, logarithm, madd),
        madd(square.get, f32x4.of(-0.5), f.get),
      ),
    ),
  ];
}

/** The same for all numbers: what is not normal takes a way of its own, which is rare. */
function log(routine: Routine, madd: Lanes): Lanes {
  return (x) => {
    const ofNormal = logOfNormal(routine, madd);
    const [given, result, special] = routine.locals(3, "v128");
    const subnormal = v128.and(
      f32x4.less(f32x4.of(0), given.get),
      f32x4.less(given.get, f32x4.of(2 ** -126)),
    );
    // Minus infinity at both zeros, NaN below, what it was at infinity and NaN.
    const root = f32x4.sqrt(f32x4.add(given.get, f32x4.of(0)));
    const limit = f32x4.sub(given.get, f32x4.div(f32x4.of(1), root));
    const scaled = ofNormal(f32x4.mul(given.get, f32x4.of(2 ** 23)));
    const small = f32x4.sub(scaled, f32x4.of(23 * Math.LN2));
    return [
      given.set(x!),
      result.set(ofNormal(given.get)),
      special.set(i32x4.atMost(
        i32x4.of(0x7f000000),
        i32x4.sub(given.get, i32x4.of(0x00800000)),
      )),
      when(
        v128.any(special.get),
        result.set(v128.select(special.get, v128.select(subnormal, small, limit), result.get)),
      ),
      result.get,
    ];
  };
}

/** A word of a Threefry-2x32-20 block. */
function draw(routine: Routine): Lanes {
  return (k0, k1, first, position) => {
    const [x, y, a, b, k2] = routine.locals(5, "v128");
    const variables = { x, y, k2 };
    const lines = [a.set(k0!), b.set(k1!)];
    const words: Words<Code> = {
      of: i32x4.of,
      add: i32x4.add,
      xor: v128.xor,
      rotateLeft: (word, bits) =>
        v128.or(i32x4.shiftLeft(word, bits), i32x4.shiftRight(word, 32 - bits)),
      assign: (variable, value) => {
        lines.push(variables[variable].set(value));
        return variables[variable].get;
      },
    };
    const counter = [first!, i32x4.shiftRight(position!, 1)] as const;
    const [even, other] = threefryBlock(words, [a.get, b.get], counter);
    const isEven = i32x4.equal(v128.and(position!, i32x4.of(1)), i32x4.of(0));
    return [lines, v128.select(isEven, even, other)];
  };
}

/** The operations of a routine by their names, but for those that the row renderer has. */
export function laneOperations(
  routine: Routine,
  relaxed: boolean,
): Readonly<Record<LaneOp, Lanes>> {
  const madd = multiplyAdd(relaxed);
  return {
    add: f32x4.add,
    sub: f32x4.sub,
    mul: f32x4.mul,
    div: f32x4.div,
    neg: f32x4.neg,
    abs: f32x4.abs,
    exp: exp(routine, madd),
    log: log(routine, madd),
    sqrt: f32x4.sqrt,
    rsqrt: (a) => f32x4.div(f32x4.of(1), f32x4.sqrt(a!)),
    tanh: odd(tanhQuotient, routine, madd),
    erf: odd(erfQuotient, routine, madd),
    max: f32x4.max,
    select: (condition, a, b) => v128.select(condition!, a!, b!),
    stop: (a) => a!,
    toFloat: f32x4.fromUnsigned,
    toWord: i32x4.fromFloat,
    and: v128.and,
    not: v128.not,
    wordAdd: i32x4.add,
    wordSubtract: i32x4.sub,
    wordMultiply: i32x4.mul,
    draw: draw(routine),
  };
}
