/**
 * Product tasks: the words by which a tiled product or a product of few rows is told its operands.
 *
 * @module
 */

import type { Operands, Sizes } from "./blas.ts";

/** Words of a product task; steps in bytes. `packed` is the address of packed strips, or 0. */
export const productWords = [
  "count",
  "aBatch",
  "bBatch",
  "cBatch",
  "a",
  "aRow",
  "aInner",
  "b",
  "bInner",
  "bColumn",
  "c",
  "cRow",
  "m",
  "n",
  "k",
  "adds",
  "packed",
] as const;

/** A product task: its words by name. */
export type GemmTask = Readonly<Record<(typeof productWords)[number], number>>;

/** A task for one product that is not packed yet. */
export function gemmTask([m, n, k]: Sizes, [a, b, c]: Operands): GemmTask {
  return {
    count: 1,
    aBatch: 0,
    bBatch: 0,
    cBatch: 0,
    a: a.address,
    aRow: a.row,
    aInner: a.column,
    b: b.address,
    bInner: b.row,
    bColumn: b.column,
    c: c.address,
    cRow: c.row,
    m,
    n,
    k,
    adds: 0,
    packed: 0,
  };
}
