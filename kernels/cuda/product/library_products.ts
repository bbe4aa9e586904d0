/**
 * Products by the library: what it adds itself, what row programs finish, and what is left of axes that
 * are no multiples of eight.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { type Float, input } from "../../../core/expr.ts";
import { type MatmulProgram, type RowProgram, rowProgram } from "../../../core/program.ts";
import type { LtResult } from "../blas/lt_plan.ts";
import { addedBy, type LtExtra, type LtProducts, unitOf } from "../blas/lt_products.ts";
import { type ProductPlan, type Rest, type RowLaunch, unplaced } from "./product_plan.ts";
import { lastColumns, lastInner, remainderOf, type RemainderRun } from "./remainders.ts";

/** The backend, as far as it matters here. */
export interface LibraryHost {
  readonly lt: LtProducts | undefined;
  readonly rowLaunch: RowLaunch;
}

const epilogues = new WeakMap<MatmulProgram, RowProgram>();

/** The epilogue of a product by itself, over the product and the extras. */
function epilogueOf(program: MatmulProgram): RowProgram {
  let found = epilogues.get(program);
  if (found === undefined) {
    found = rowProgram(program.inputs.slice(1), program.outputs);
    epilogues.set(program, found);
  }
  return found;
}

/** Whether the only result is the product with its extras added to it in their order. */
function isSum({ inputs, outputs }: MatmulProgram): boolean {
  const sum = inputs.slice(2).reduce<Float>(
    (sum, _, i) => sum.add(input(i + 1, "f32", 3)),
    input(0, "f32", 3),
  );
  return outputs.length === 1 && outputs[0] === sum;
}

/** How the library writes a result with all extras added; nothing where it cannot. */
function addedTo(c: Bound, extras: readonly Bound[], n: number) {
  const dtype = c.dtype === "bf16" ? "bf16" : "f32";
  const [pitch, along] = c.strides as readonly [number, number];
  if (along !== 1 || c.offset % unitOf(dtype) !== 0) return undefined;
  const result: LtResult = { dtype, pitch };
  const added = extras.map((extra) => addedBy(extra, n, result));
  const matrices = added.filter((extra) => extra?.pitch !== undefined).length;
  if (added.includes(undefined) || Math.max(matrices, added.length - matrices) > 1) {
    return undefined;
  }
  return { extras: added as LtExtra[], result };
}

/**
 * A product that is the second of two results, as it is stored, and the epilogue that makes the first
 * of it; nothing where the results are others.
 */
function keptProduct(
  program: MatmulProgram,
  operands: readonly Bound[],
  [m, n]: readonly [m: number, n: number, k: number],
) {
  const [first, second] = program.outputs;
  const isKept = program.outputs.length === 2 && second === input(0, "f32", 3);
  const added = isKept ? addedTo(operands.at(-1)!, [], n) : undefined;
  if (added === undefined) return undefined;
  const others = operands.slice(2, -1);
  const run: RemainderRun = {
    program: madeOf(program, first!),
    space: [m, n],
    bound: [operands.at(-1)!, ...others],
    later: others.map((_, i) => ({ operand: 2 + i, skipped: 0 })),
  };
  return { added, run };
}

const firsts = new WeakMap<MatmulProgram, RowProgram>();

/** The first result over the product and the extras. */
function madeOf(program: MatmulProgram, first: Float): RowProgram {
  let found = firsts.get(program);
  if (found === undefined) {
    firsts.set(program, found = rowProgram(program.inputs.slice(1), [first]));
  }
  return found;
}

/** A product that an epilogue follows: its sums, whose rows begin at multiples of 16 bytes. */
function unfinished(n: number): LtResult {
  return { dtype: "f32", pitch: 4 * Math.ceil(n / 4) };
}

/**
 * The plan of a product; nothing where there is no library, or it is not for such a product.
 *
 * @param product In canonical form
 */
export function byLibrary(
  { lt, rowLaunch }: LibraryHost,
  program: MatmulProgram,
  { space, inputs, outputs }: Binding,
): Omit<ProductPlan, "transposed"> | undefined {
  if (lt === undefined || space.length !== 3) return undefined;
  const sizes = space as unknown as readonly [m: number, n: number, k: number];
  const [a, b, ...extras] = inputs as [Bound, Bound, ...Bound[]];
  const { columns, inner } = remainderOf(sizes, a, b);
  const launched = ({ program, space, bound, later }: RemainderRun): Rest => (
    { launch: rowLaunch(program, space, bound, []), later }
  );
  const operands = [...inputs, ...outputs];
  const rest = () =>
    columns === 0 ? undefined : launched(lastColumns(program, sizes, operands, columns));
  const [m, n, k] = [sizes[0], sizes[1] - columns, sizes[2] - inner];
  const whole = isSum(program) && inner === 0 ? addedTo(outputs[0]!, extras, n) : undefined;
  const direct = whole && lt.find([m, n, k], { a, b, ...whole });
  if (direct !== undefined) return { ...direct, finish: undefined, rest: rest() };
  if (whole?.extras.length === 0) return undefined;
  const kept = inner + columns === 0 ? keptProduct(program, operands, sizes) : undefined;
  const saved = kept && lt.find(sizes, { a, b, ...kept.added });
  if (saved !== undefined) {
    const finish = { shape: [m, n], bytes: 0, ...launched(kept!.run), kept: operands.length - 1 };
    return { ...saved, finish };
  }
  const result = unfinished(n);
  const found = lt.find([m, n, k], { a, b, extras: [], result });
  if (found === undefined) return undefined;
  const partial: Bound = { buffer: unplaced, dtype: "f32", offset: 0, strides: [result.pitch, 1] };
  const memory = { shape: [m, n], bytes: 4 * m * result.pitch };
  if (inner > 0) {
    const last = launched(lastInner(program, sizes, partial, operands, inner));
    return { ...found, finish: { ...memory, ...last } };
  }
  const launch = rowLaunch(epilogueOf(program), [m, n], [partial, ...operands.slice(2)], []);
  return { ...found, finish: { ...memory, launch }, rest: rest() };
}
