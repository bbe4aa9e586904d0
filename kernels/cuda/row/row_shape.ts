/**
 * How a row program is spread over threads, chosen by the shape alone.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import type { Dtype } from "../../../core/dtype.ts";
import { readsRow, type RowProgram } from "../../../core/program.ts";
import type { Walk } from "../../plan/coalesce.ts";
import { variesAlong } from "../../plan/row_walk.ts";

/** All that the text of a row program depends on, beside the program. */
export interface RowSpread {
  /** Axes of the space. */
  readonly rank: number;
  /** Who computes what: a thread an element (map) or a row (serial); a warp or a block a row. */
  readonly kind: "map" | "serial" | "warp" | "block";
  /** Threads of a block: a multiple of 32. */
  readonly threads: number;
  /** Element types of the inputs and outputs. */
  readonly dtypes: readonly Dtype[];
  /** Which inputs and outputs are met four columns at a time; then all columns are taken by fours. */
  readonly wide: readonly boolean[];
}

/** Threads of a warp. */
export const warp = 32;

/** Rows that fill a card by one warp each. */
const manyRows = 4096;

/** Chooses for a program over a simplified space; `bound` are the inputs and outputs. */
export function chooseSpread(
  program: RowProgram,
  { space, strides }: Walk,
  bound: readonly Bound[],
): RowSpread {
  const columns = space.at(-1)!;
  const rows = space.slice(0, -1).reduce((a, b) => a * b, 1);
  const dtypes = bound.map(({ dtype }) => dtype);
  const wide = bound.map((operand, k) =>
    columns % 4 === 0 && isWide(program, operand, strides[k]!, k)
  );
  const narrow = wide.map(() => false);
  const make = (kind: RowSpread["kind"], threads: number, met = wide): RowSpread => ({
    rank: space.length,
    kind,
    threads,
    dtypes,
    wide: met,
  });
  if (!readsRow(program)) return make("map", 128);
  if (columns <= 16) return make("serial", 128, narrow);
  // Neighbouring rows lie together, columns do not: each thread goes down a column of memory.
  const across = bound.every((_, k) => strides[k]!.at(-1) !== 1);
  if (across && rows >= 4096) return make("serial", 128, narrow);
  const turns = columns / (wide.includes(true) ? 4 : 1);
  // A warp goes over its row in turns: only where there are rows enough to hide their delay.
  if (turns <= warp || (turns <= 8 * warp && rows >= manyRows)) return make("warp", 128);
  const wanted = warp * Math.ceil(turns / warp / (rows >= manyRows ? 2 : 1));
  return make("block", Math.min(512, wanted));
}

/** Whether four columns of an operand are neighbours, aligned and always met together. */
function isWide(
  program: RowProgram,
  { offset }: Bound,
  strides: readonly number[],
  operand: number,
): boolean {
  return strides.at(-1) === 1 && offset % 4 === 0 &&
    strides.slice(0, -1).every((step) => step % 4 === 0) && variesAlong(program, operand);
}

/** Text that tells shapes apart. */
export function spreadKey({ rank, kind, threads, dtypes, wide }: RowSpread): string {
  return `${rank}/${kind}/${threads}/${dtypes}/${wide.map(Number)}`;
}

/** What the threads count: elements, fours of them, or rows; and the blocks they need. */
export function blocksOf(
  { kind, threads, wide }: RowSpread,
  space: readonly number[],
): { count: number; blocks: number } {
  const elements = space.reduce((a, b) => a * b, 1);
  if (kind === "map") {
    const count = elements / (wide.includes(true) ? 4 : 1);
    return { count, blocks: Math.ceil(count / threads) };
  }
  const count = elements / space.at(-1)!;
  const each = kind === "serial" ? threads : kind === "block" ? 1 : threads / warp;
  return { count, blocks: Math.ceil(count / each) };
}
