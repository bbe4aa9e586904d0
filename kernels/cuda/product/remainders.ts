/**
 * Products whose long axes are no multiples of eight, such as vocabularies: a library's fast kernels
 * want 16 bytes at a time, so that it computes all whole eights, and row programs what is left.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { type Expr, type Float, input, rowSum, substitute } from "../../../core/expr.ts";
import { type MatmulProgram, type RowProgram, rowProgram } from "../../../core/program.ts";

/** Elements from which on an axis is divided. */
const long = 1024;

/** Elements of 16 bits that have 16 bytes. */
const whole = 8;

/** Columns of the result, or inner elements, that are left; not both. */
export interface Remainder {
  readonly columns: number;
  readonly inner: number;
}

/** What is left of a product without a batch, over M, N and K. */
export function remainderOf(
  [, n, k]: readonly [m: number, n: number, k: number],
  a: Bound,
  b: Bound,
): Remainder {
  const left = (size: number) => size < long ? 0 : size % whole;
  const together = a.strides.at(-1) === 1 || b.strides.at(-2) === 1;
  const [columns, inner] = [left(n), together ? left(k) : 0];
  return columns > 0 && inner > 0 ? { columns: 0, inner: 0 } : { columns, inner };
}

/** An operand, from a later element on. */
export interface Later {
  /** Its number among the operands. */
  readonly operand: number;
  /** Elements that come before. */
  readonly skipped: number;
}

/** A row program over parts of a product's operands. */
export interface RemainderRun {
  readonly program: RowProgram;
  readonly space: readonly number[];
  /** Operands with the strides over that space. */
  readonly bound: readonly Bound[];
  /** The same operands as they are found at each run. */
  readonly later: readonly Later[];
}

const columnPrograms = new WeakMap<MatmulProgram, RowProgram>();

/** Sums products of A and B along its row, then computes the epilogue. */
function columnProgram(program: MatmulProgram): RowProgram {
  let found = columnPrograms.get(program);
  if (found === undefined) {
    const product = rowSum(input(0, "f32", 3).mul(input(1, "f32", 3)));
    const leaves = program.inputs.slice(1).map((_, slot): [Expr, Expr] => [
      input(slot, "f32", 3),
      slot === 0 ? product : input(slot + 1, "f32", 1),
    ]);
    const outputs = program.outputs.map((e) => substitute(e, new Map(leaves)));
    columnPrograms.set(program, found = rowProgram(program.inputs, outputs));
  }
  return found;
}

/** The last columns of a product, with its epilogue. */
export function lastColumns(
  program: MatmulProgram,
  [m, n, k]: readonly [m: number, n: number, k: number],
  operands: readonly Bound[],
  columns: number,
): RemainderRun {
  const later = operands.map(({ strides }, operand) => ({
    operand,
    skipped: operand === 0 ? 0 : (n - columns) * strides[1]!,
  }));
  const bound = operands.map((o, operand) => {
    const [first, second] = o.strides as readonly [number, number];
    const strides = operand === 0
      ? [first, 0, second]
      : operand === 1
      ? [0, second, first]
      : [first, second, 0];
    return { ...o, offset: o.offset + later[operand]!.skipped, strides };
  });
  return { program: columnProgram(program), space: [m, columns, k], bound, later };
}

const innerPrograms = new WeakMap<MatmulProgram, RowProgram[]>();

/** Adds products of some pairs to input 0, then computes the epilogue; the extras come last. */
function innerProgram(program: MatmulProgram, pairs: number): RowProgram {
  let made = innerPrograms.get(program);
  if (made === undefined) innerPrograms.set(program, made = []);
  return made[pairs] ??= (() => {
    let product: Float = input(0, "f32", 3);
    for (let i = 0; i < pairs; i++) {
      product = product.add(input(1 + 2 * i, "f32", 3).mul(input(2 + 2 * i, "f32", 3)));
    }
    const leaves = program.inputs.slice(1).map((_, slot): [Expr, Expr] => [
      input(slot, "f32", 3),
      slot === 0 ? product : input(slot + 2 * pairs, "f32", 3),
    ]);
    const outputs = program.outputs.map((e) => substitute(e, new Map(leaves)));
    const kinds = new Array<"f32">(2 * pairs + program.inputs.length - 1).fill("f32");
    return rowProgram(kinds, outputs);
  })();
}

/**
 * What follows a product without its last inner elements: their products are added, then comes the
 * epilogue.
 *
 * @param partial The product, over M and N
 */
export function lastInner(
  program: MatmulProgram,
  [m, n, k]: readonly [m: number, n: number, k: number],
  partial: Bound,
  operands: readonly Bound[],
  inner: number,
): RemainderRun {
  const [a, b, ...others] = operands as readonly [Bound, Bound, ...Bound[]];
  const later: Later[] = [];
  const bound: Bound[] = [partial];
  for (let at = k - inner; at < k; at++) {
    const skipped = [at * a.strides[1]!, at * b.strides[0]!] as const;
    later.push({ operand: 0, skipped: skipped[0] }, { operand: 1, skipped: skipped[1] });
    bound.push(
      { ...a, offset: a.offset + skipped[0], strides: [a.strides[0]!, 0] },
      { ...b, offset: b.offset + skipped[1], strides: [0, b.strides[1]!] },
    );
  }
  others.forEach((_, i) => later.push({ operand: 2 + i, skipped: 0 }));
  bound.push(...others);
  return { program: innerProgram(program, inner), space: [m, n], bound, later };
}
