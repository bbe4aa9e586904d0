/**
 * JavaScript text of scalar operations.
 *
 * @module
 */

import type { ScalarOp } from "../../../core/operations.ts";

const infix = (sign: string) => (a: string, b: string) => `${a} ${sign} ${b}`;
const call = (name: string) => (...args: string[]) => `${name}(${args.join(", ")})`;

/** Text of each operation over its operands' names; words stay unsigned. */
export const javaScriptText: Readonly<Record<ScalarOp, (...args: string[]) => string>> = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  neg: (a) => `-${a}`,
  abs: call("Math.abs"),
  exp: call("Math.exp"),
  log: call("Math.log"),
  sqrt: call("Math.sqrt"),
  rsqrt: (a) => `1 / Math.sqrt(${a})`,
  tanh: call("Math.tanh"),
  erf: call("erf"),
  max: call("Math.max"),
  select: (c, a, b) => `${c} ? ${a} : ${b}`,
  stop: (a) => a!,
  toFloat: (a) => a!,
  toWord: (a) => `${a} >>> 0`,
  lt: infix("<"),
  le: infix("<="),
  eq: infix("==="),
  and: infix("&&"),
  not: (a) => `!${a}`,
  wordAdd: (a, b) => `(${a} + ${b}) >>> 0`,
  wordSubtract: (a, b) => `(${a} - ${b}) >>> 0`,
  wordMultiply: (a, b) => `Math.imul(${a}, ${b}) >>> 0`,
  wordShift: (a, b) => `${a} >>> ${b}`,
  draw: call("draw"),
};
