/**
 * WGSL text of scalar expressions, and the functions that the text calls.
 *
 * @module
 */

import { type Expr, variesByColumn } from "../../core/expr.ts";
import type { ScalarOp } from "../../core/operations.ts";
import { threefryBlock, type Words } from "../../core/threefry.ts";
import { specialFunctions } from "./special.ts";
import { call, commonText, infix, type ScalarText } from "../plan/scalar_text.ts";

/** Text of each operation over its operands' names. */
const scalarText: Readonly<Record<ScalarOp, ScalarText>> = {
  ...commonText,
  abs: call("abs"),
  exp: call("exp"),
  log: call("logarithm"),
  sqrt: call("sqrt"),
  rsqrt: call("inverseSqrt"),
  div: call("quotient"),
  tanh: call("tangent"),
  max: call("larger"),
  select: (c, a, b) => `select(${b}, ${a}, ${c})`,
  toFloat: call("f32"),
  toWord: call("u32"),
  lt: call("less"),
  le: call("atMost"),
  eq: call("equals"),
  wordAdd: infix("+"),
  wordSubtract: infix("-"),
  wordMultiply: infix("*"),
  wordShift: infix(">>"),
};

/** Comparisons of words, where the others are of floats. */
const wordComparisons: Readonly<Partial<Record<Expr["op"], ScalarText>>> = {
  lt: infix("<"),
  le: infix("<="),
  eq: infix("=="),
};

/** How the leaves of an expression are read. */
export interface Leaves {
  /** Element of an input, or of what an output held before. */
  readonly element: (operand: "input" | "old", slot: number, column: boolean) => string;
  /** Text of an affine function of the coordinates. */
  readonly index: (slot: number, column: boolean) => string;
  /** A number given at the run, with its kind. */
  readonly scalar: (slot: number, kind: string) => string;
  /** Length of the row. */
  readonly columns: string;
}

/** Name of a node's value; constants stand for themselves. */
export function variableName(e: Expr): string {
  if (e.op !== "constant") return `v${e.id}`;
  if (e.kind === "u32") return `${e.attribute}u`;
  const text = String(e.attribute);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`.replace(/^-(.*)$/, "(-$1)");
}

/** Statement that computes a node from its operands' names. */
export function statement(e: Expr, leaves: Leaves): string {
  return `let ${variableName(e)} = ${textOf(e, leaves)};`;
}

function textOf(e: Expr, leaves: Leaves): string {
  const column = variesByColumn(e);
  switch (e.op) {
    case "input":
    case "old":
      return leaves.element(e.op, e.attribute, column);
    case "index":
      return leaves.index(e.attribute, column);
    case "scalar":
      return leaves.scalar(e.attribute, e.kind);
    case "columns":
      return leaves.columns;
    case "constant":
      return variableName(e);
    case "rowSum":
    case "rowMax":
      throw new TypeError(`Cannot render ${e.op} as a statement`);
    default: {
      const words = e.args[0]?.kind === "u32" ? wordComparisons[e.op] : undefined;
      return (words ?? scalarText[e.op])(...e.args.map(variableName));
    }
  }
}

/** Helper functions that a text calls. */
export function helpers(text: string): string {
  return specialFunctions(text) + (/\bdraw\(/.test(text) ? drawFunction() : "") +
    (/\berf\(/.test(text) ? erfFunction : "");
}

// Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7.
const erfFunction = `
fn erf(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t
    + 0.254829592) * t;
  return sign(x) * (1.0 - p * exp(-a * a));
}
`;

/** A word of a Threefry-2x32-20 block, unrolled. */
function drawFunction(): string {
  const lines = [
    "fn draw(k0: u32, k1: u32, first: u32, position: u32) -> u32 {",
    "var k2: u32; var x: u32; var y: u32;",
  ];
  const words: Words<string> = {
    of: (value) => `${value}u`,
    add: (a, b) => `(${a} + ${b})`,
    xor: (a, b) => `(${a} ^ ${b})`,
    rotateLeft: (a, bits) => `((${a} << ${bits}u) | (${a} >> ${32 - bits}u))`,
    assign: (variable, value) => {
      lines.push(`${variable} = ${value};`);
      return variable;
    },
  };
  const [x, y] = threefryBlock(words, ["k0", "k1"], ["first", "(position >> 1u)"]);
  lines.push(`return select(${y}, ${x}, (position & 1u) == 0u); }`);
  return `\n${lines.join("\n")}\n`;
}
