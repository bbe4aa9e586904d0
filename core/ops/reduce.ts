/**
 * Reductions over axes: one, several, or all where none is named.
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentError } from "../arguments.ts";
import { lowestFloat } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import {
  columns,
  type Float,
  float,
  index,
  input,
  isNumber,
  rowMax,
  rowSum,
  scalar,
  select,
  stop,
  toFloat,
  toWord,
} from "../expr.ts";
import { axisOf, sizeOf } from "../shape.ts";
import { shapeOf, type Tensor } from "../tensor.ts";
import { type RowOp, rowwise, sumRow } from "./rowwise.ts";
import { permute, reshape } from "./view.ts";

/** How the result of a reduction is shaped. */
export interface ReduceOptions {
  /** Whether reduced axes stay, with size 1; default false. */
  readonly keepDims?: boolean;
}

/** Moves the reduced axes to the end, reduces them as one row and shapes the result. */
function reduce(
  name: string,
  x: Tensor,
  axis: number | readonly number[] | undefined,
  { keepDims = false }: ReduceOptions,
  reduceRow: (rows: Tensor) => Tensor,
): Tensor {
  const all = shapeOf(name, x).map((_, a) => a);
  const named = axis === undefined ? all : [axis].flat().map((a) => axisOf(name, a, all.length));
  if (new Set(named).size !== named.length) {
    throw new ShapeError(`Cannot apply ${name} to axes [${axis}] as each must occur once`);
  }
  const kept = all.filter((a) => !named.includes(a));
  const order = [...kept, ...all.filter((a) => named.includes(a))];
  const sizes = kept.map((a) => x.shape[a]!);
  const apart = order.every((a, place) => a === place) ? x : permute(x, order);
  const rows = reshape(apart, [...sizes, sizeOf(named.map((a) => x.shape[a]!))]);
  return reshape(
    reduceRow(rows),
    keepDims ? x.shape.map((size, a) => named.includes(a) ? 1 : size) : sizes,
  );
}

const x = input(0, "f32", 3);
const column = toFloat(index(0, 2));
const rowMeanOp = rowwise("mean", ["f32"], [rowSum(x).div(columns)]);
/** Of rows without elements: adapters need not make NaN of 0 / 0, so that it comes as the scalar. */
const emptyMeanOp = rowwise("mean", ["f32"], [rowSum(x).add(scalar(0, "f32"))]);

/** Column of the first of the largest elements; NaN counts as larger than all numbers. */
function firstLargest(y: Float): Float {
  const smaller = y.compare("lt", rowMax(y));
  const missing = rowMax(select(isNumber(y), float(0), float(1)));
  const before = float(lowestFloat);
  const among = select(smaller, before, column.neg());
  const first = select(isNumber(y), select(missing.compare("eq", 0), among, before), column.neg());
  return rowMax(first).neg();
}

/** The largest of what `of` makes of the elements: its column is saved for the gradient. */
function extreme(name: string, of: (x: Float) => Float): RowOp {
  const first = stop(firstLargest(of(x)));
  const picked = rowSum(select(column.compare("eq", first), x, float(0)));
  return rowwise(name, ["f32"], [picked, first]);
}

const maxOp = extreme("max", (x) => x);
const minOp = extreme("min", (x) => x.neg());
const argmaxOp = rowwise("argmax", ["f32"], [toWord(firstLargest(x))]);
const indices = (rows: Tensor) => [
  { offset: 0, strides: rows.shape.map((_, a) => Number(a === rows.shape.length - 1)) },
];
const pick = (op: RowOp) => (rows: Tensor) => {
  if (rows.shape.at(-1) === 0) throw argumentError(op.name, "x", "at least 1 element", "none");
  return apply(op, [rows], { indices: indices(rows) })[0]!;
};

/**
 * Sum over axes; over all elements where no axis is named.
 *
 * @throws {ShapeError} If there is no such axis, or one is named twice
 */
export function sum(
  x: Tensor,
  axis?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduce("sum", x, axis, options, sumRow);
}

/**
 * Mean over axes, NaN where they have no elements; over all elements where no axis is named.
 *
 * @throws {ShapeError} If there is no such axis, or one is named twice
 */
export function mean(
  x: Tensor,
  axis?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduce("mean", x, axis, options, (rows) => {
    const empty = rows.shape.at(-1) === 0;
    return apply(empty ? emptyMeanOp : rowMeanOp, [rows], empty ? { scalars: [NaN] } : {})[0]!;
  });
}

/**
 * Largest element over axes, NaN where one is NaN; of equal ones the gradient goes to the first.
 *
 * @throws {ShapeError} If there is no such axis, one is named twice, or there is no element
 */
export function max(
  x: Tensor,
  axis?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduce("max", x, axis, options, pick(maxOp));
}

/**
 * Smallest element over axes, NaN where one is NaN; of equal ones the gradient goes to the first.
 *
 * @throws {ShapeError} If there is no such axis, one is named twice, or there is no element
 */
export function min(
  x: Tensor,
  axis?: number | readonly number[],
  options: ReduceOptions = {},
): Tensor {
  return reduce("min", x, axis, options, pick(minOp));
}

/**
 * Index of the first of the largest elements, or of the first NaN, as `u32`: along an axis of at
 * most 2^24, or of all elements in row-major order.
 *
 * @throws {ShapeError} If there is no such axis, or no element
 */
export function argmax(x: Tensor, axis?: number, options: ReduceOptions = {}): Tensor {
  return reduce("argmax", x, axis, options, pick(argmaxOp));
}
