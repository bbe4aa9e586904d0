/**
 * Text of scalar operations, as far as languages that look like C agree.
 *
 * @module
 */

/** Text of an operation over its operands' names. */
export type ScalarText = (...args: string[]) => string;

/** An operator between two operands. */
export const infix = (sign: string): ScalarText => (a, b) => `${a} ${sign} ${b}`;
/** A call of a function. */
export const call = (name: string): ScalarText => (...args) => `${name}(${args.join(", ")})`;

/** Operations with the same text in JavaScript and in WGSL. */
export const commonText = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  neg: (a) => `-${a}`,
  erf: call("erf"),
  stop: (a) => a!,
  lt: infix("<"),
  le: infix("<="),
  and: infix("&&"),
  not: (a) => `!${a}`,
  draw: call("draw"),
} satisfies Readonly<Record<string, ScalarText>>;
