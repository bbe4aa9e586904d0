/**
 * How an operation is made: a scalar expression gives the forward value, its gradient is derived,
 * and every backend renders both.
 *
 * @example An operation of one's own, with its gradient
 * ```ts
 * import { Device, gradient, openCpu, sum, type Tensor, tensor } from "@hiddenkey/hiddenkey";
 * import { apply, elementwise } from "@hiddenkey/hiddenkey/ops";
 *
 * const softplusOp = elementwise("softplus", 1, (x) => x!.unary("exp").add(1).unary("log"));
 * const softplus = (x: Tensor): Tensor => apply(softplusOp, [x], {})[0]!;
 *
 * await using device = new Device(openCpu());
 * using _scope = device.scope("example");
 * const x = tensor(device, [-1, 0, 1]);
 * const { gradients } = gradient(() => sum(softplus(x)), [x]);
 * console.log(await gradients[0]!.read()); // the logistic function of x
 * ```
 *
 * @module
 */

export { apply } from "./core/apply.ts";
export type { Argument, Inputs } from "./core/arguments.ts";
export type { Affine, Bound } from "./core/backend.ts";
export type { Kind, StoredFloat } from "./core/dtype.ts";
export {
  addWords,
  type Bool,
  columns,
  draw,
  Expr,
  filled,
  type Float,
  float,
  index,
  input,
  larger,
  type Level,
  multiplyWords,
  old,
  rowMax,
  rowSum,
  scalar,
  select,
  shiftRight,
  stop,
  subtractWords,
  toFloat,
  toWord,
  type Word,
  word,
} from "./core/expr.ts";
export {
  type ExprOp,
  type LeafOp,
  type ReductionOp,
  type ScalarOp,
  scalarOperations,
  type UnaryOp,
} from "./core/operations.ts";
export type {
  Gradients,
  MatmulAttributes,
  Op,
  ProductEnding,
  Recorded,
  SavedValues,
} from "./core/op.ts";
export { elementwise } from "./core/ops/elementwise.ts";
export { ofOperands, type Operand, type OperandOptions } from "./core/ops/operands.ts";
export { fusedMatmul } from "./core/ops/matmul.ts";
export type { Override } from "./core/ops/row_gradient.ts";
export { type RowAttributes, type RowOp, rowwise, sumRow, sumTo } from "./core/ops/rowwise.ts";
export { type RowProgram, rowProgram } from "./core/program.ts";
export { type Storage, type Unpack, Value } from "./core/storage.ts";
export { update } from "./core/update.ts";
