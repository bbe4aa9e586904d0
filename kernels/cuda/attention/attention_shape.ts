/**
 * What the text of fused attention depends on: the masks, how operands lie in memory, and tiles. A
 * block owns rows of one side (queries, or keys) and has the other side pass by in turns.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import { bytesPerElement, type Dtype } from "../../../core/dtype.ts";
import { attentionInputs, type AttentionProgram, attentionScale } from "../../../core/program.ts";
import { hasTwoSums, headOperands } from "../../plan/attention.ts";
import type { Precision } from "../product/product_shape.ts";

/** Threads of a block: four warps, each of which owns 16 rows. */
export const attentionThreads = 128;
/** Rows that a block owns. */
export const ownedRows = 64;
/** The largest head that is run. */
const mostSize = 128;

/** All that the text of a pass depends on beside its masks. */
export interface AttentionShape {
  /** Elements of a head. */
  readonly size: number;
  /** The same with zeros up to a multiple of 32. */
  readonly padded: number;
  /** Whether factors of products are rounded to bf16; otherwise they are tf32 and what that leaves. */
  readonly rounded: boolean;
  /** Element types of inputs and outputs. */
  readonly dtypes: readonly Dtype[];
  /** Rows of the other side in a turn: 16, 32 or 64. */
  readonly turn: number;
  /** Whether the last turn of keys may have fewer. */
  readonly ragged: boolean;
}

/** Whether rows of heads can be copied by 16 bytes and hold what products take. */
function copies({ dtype, offset, strides }: Bound, rounded: boolean): boolean {
  if (!(dtype === "f32" || (dtype === "bf16" && rounded))) return false;
  const unit = 16 / bytesPerElement(dtype);
  return strides.at(-1) === 1 &&
    [offset, ...strides.slice(0, -1)].every((step) => step % unit === 0);
}

/** Whether attention over these operands is run by one program. */
export function fitsAttention(
  program: AttentionProgram,
  { space, inputs, outputs, scalars }: Binding,
  precision: Precision,
): boolean {
  if (program.pass === "gradient") return false;
  const size = space[5]!;
  const all = [...inputs, ...outputs];
  const rounded = precision === "bf16";
  // The largest product of a row is its largest score where the factor is above 0.
  return scalars[attentionScale]! > 0 && size % 8 === 0 && size <= mostSize &&
    space.every((length) => length > 0) &&
    headOperands(program, inputs.length).every(([k]) => copies(all[k]!, rounded)) &&
    inputs.slice(attentionInputs(program)).every(({ dtype }) => dtype === "u32");
}

/** The shape of a pass over these operands. */
export function attentionShape(
  program: AttentionProgram,
  { space, inputs, outputs }: Binding,
  precision: Precision,
): AttentionShape {
  const [keys, size] = space.slice(4) as [number, number];
  const rounded = precision === "bf16";
  const padded = Math.ceil(size / 32) * 32;
  const halves = inputs.slice(0, 3).every(({ dtype }) => dtype === "bf16");
  const turn = turnOf(program, { padded, halves, rounded }, keys);
  return {
    size,
    padded,
    rounded,
    dtypes: [...inputs, ...outputs].map(({ dtype }) => dtype),
    turn,
    ragged: program.pass !== "keys" && !program.masks.causal && keys % turn !== 0,
  };
}

/** Rows of the other side in a turn: as many as registers hold the scores of, beside the sums. */
function turnOf(
  { pass, masks }: AttentionProgram,
  { padded, halves, rounded }: Readonly<{ padded: number; halves: boolean; rounded: boolean }>,
  keys: number,
): number {
  if (padded > 96 && !halves && (rounded || pass === "keys")) return 16;
  const long = halves && rounded && pass === "forward" && padded <= 64 && keys > 32;
  return long && !hasTwoSums(masks) ? 64 : 32;
}

/** Text that tells shapes apart. */
export function attentionKey({ size, rounded, dtypes, turn, ragged }: AttentionShape): string {
  return `${size}/${Number(rounded)}/${dtypes}/${turn}/${Number(ragged)}`;
}
