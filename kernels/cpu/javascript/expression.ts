/**
 * JavaScript text of scalar operations.
 *
 * @module
 */

import type { ScalarOp } from "../../../core/operations.ts";
import { call, commonText, infix, type ScalarText } from "../../plan/scalar_text.ts";

/** Text of each operation over its operands' names; words stay unsigned. */
export const javaScriptText: Readonly<Record<ScalarOp, ScalarText>> = {
  ...commonText,
  abs: call("Math.abs"),
  exp: call("Math.exp"),
  log: call("Math.log"),
  sqrt: call("Math.sqrt"),
  rsqrt: (a) => `1 / Math.sqrt(${a})`,
  tanh: call("Math.tanh"),
  max: call("Math.max"),
  select: (c, a, b) => `${c} ? ${a} : ${b}`,
  toFloat: (a) => a!,
  toWord: (a) => `${a} >>> 0`,
  eq: infix("==="),
  wordAdd: (a, b) => `(${a} + ${b}) >>> 0`,
  wordSubtract: (a, b) => `(${a} - ${b}) >>> 0`,
  wordMultiply: (a, b) => `Math.imul(${a}, ${b}) >>> 0`,
  wordShift: (a, b) => `${a} >>> ${b}`,
};
