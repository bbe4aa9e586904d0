/**
 * How a row program is spread over threads, chosen by the shape alone.
 *
 * @module
 */

import type { Bound } from "../../../core/backend.ts";
import { type Dtype, isHalf } from "../../../core/dtype.ts";
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
  /** Columns that are taken at once. */
  readonly unit: 1 | 4 | 8;
  /** Whether columns are left that are no whole unit. */
  readonly ragged: boolean;
  /** Which inputs and outputs are met in whole units. */
  readonly wide: readonly boolean[];
}

/** Threads of a warp. */
export const warp = 32;

/** Rows that fill a card by one warp each. */
const manyRows = 4096;

/** Columns of which those that are no whole unit may be taken one by one. */
const manyColumns = 1024;

/** Elements that fill a card by eight a thread. */
const manyElements = 2 ** 20;

/** Chooses for a program over a simplified space; `bound` are the inputs and outputs. */
export function chooseSpread(
  program: RowProgram,
  { space, strides }: Walk,
  bound: readonly Bound[],
): RowSpread {
  const columns = space.at(-1)!;
  const rows = space.slice(0, -1).reduce((a, b) => a * b, 1);
  const dtypes = bound.map(({ dtype }) => dtype);
  const isMap = !readsRow(program);
  const aligned = bound.map((operand, k) => isWide(program, operand, strides[k]!, k));
  const whole = columns % 4 === 0 || !isMap && columns >= manyColumns &&
      aligned.every((met, k) => met || strides[k]!.at(-1) === 0);
  const wide = whole ? aligned : aligned.map(() => false);
  const narrow = wide.map(() => false);
  const unit = unitOf({ space, strides }, bound, wide, isMap);
  const make = (kind: RowSpread["kind"], threads: number, met = wide): RowSpread => ({
    rank: space.length,
    kind,
    threads,
    dtypes,
    unit: met === wide ? unit : 1,
    ragged: met === wide && columns % unit !== 0,
    wide: met,
  });
  if (isMap) return make("map", 128);
  if (columns <= 16) return make("serial", 128, narrow);
  // Neighbouring rows lie together, columns do not: each thread goes down a column of memory.
  const across = bound.every((_, k) => strides[k]!.at(-1) !== 1);
  if (across && rows >= 4096) return make("serial", 128, narrow);
  const turns = columns / unit;
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

/** Eight where that is what 16 bytes hold and a card is still full, else four where any are wide. */
function unitOf(
  { space, strides }: Walk,
  bound: readonly Bound[],
  wide: readonly boolean[],
  isMap: boolean,
): RowSpread["unit"] {
  if (!wide.includes(true)) return 1;
  const halves = bound.flatMap(({ dtype, offset }, k) =>
    wide[k] && isHalf(dtype) ? [offset, ...strides[k]!.slice(0, -1)] : []
  );
  const many = space.reduce((a, b) => a * b, 1) >= manyElements;
  const aligned = halves.length > 0 && halves.every((x) => x % 8 === 0);
  const columns = space.at(-1)!;
  return many && aligned && (columns % 8 === 0 || !isMap && columns >= manyColumns) ? 8 : 4;
}

/** Text that tells shapes apart. */
export function spreadKey(spread: RowSpread): string {
  const { rank, kind, threads, dtypes, unit, ragged, wide } = spread;
  return `${rank}/${kind}/${threads}/${dtypes}/${unit}${ragged ? "+" : ""}/${wide.map(Number)}`;
}

/** What the threads count: units of elements, or rows; and the blocks they need. */
export function blocksOf(
  { kind, threads, unit }: RowSpread,
  space: readonly number[],
): { count: number; blocks: number } {
  const elements = space.reduce((a, b) => a * b, 1);
  if (kind === "map") {
    const count = elements / unit;
    return { count, blocks: Math.ceil(count / threads) };
  }
  const count = elements / space.at(-1)!;
  const each = kind === "serial" ? threads : kind === "block" ? 1 : threads / warp;
  return { count, blocks: Math.ceil(count / each) };
}
