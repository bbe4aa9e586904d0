/**
 * Names of all that an expression's node can be: the closed list that the table of derivatives and
 * each renderer answer in full.
 *
 * @module
 */

/** Operations on scalars, in the order of the table. */
export const scalarOperations = [
  "add",
  "sub",
  "mul",
  "div",
  "neg",
  "abs",
  "exp",
  "log",
  "sqrt",
  "rsqrt",
  "tanh",
  "erf",
  "max",
  "select",
  "stop",
  "toFloat",
  "toWord",
  "lt",
  "le",
  "eq",
  "and",
  "not",
  "wordAdd",
  "wordSubtract",
  "wordMultiply",
  "wordShift",
  "draw",
] as const;

/** An operation on scalars. */
export type ScalarOp = (typeof scalarOperations)[number];
/** A scalar function of one float. */
export type UnaryOp = "neg" | "abs" | "exp" | "log" | "sqrt" | "rsqrt" | "tanh" | "erf";
/** A value that is not computed from others. */
export type LeafOp = "constant" | "input" | "scalar" | "index" | "columns" | "old";
/** One value from a row of them. */
export type ReductionOp = "rowSum" | "rowMax";
/** What a node is. */
export type ExprOp = ScalarOp | LeafOp | ReductionOp;
