/**
 * What the text of attention in one program depends on: the masks, how operands lie in memory, and
 * tiles.
 *
 * @module
 */

import type { Binding, Bound } from "../../../core/backend.ts";
import {
  attentionInputs,
  type AttentionProgram,
  attentionScale,
  maskExpressions,
} from "../../../core/program.ts";
import { headOperands } from "../../plan/attention.ts";
import type { Limits } from "../limits.ts";
import {
  type AttentionPolicy,
  type AttentionSizes,
  type AttentionTiles,
  turnRows,
} from "./attention_policy.ts";

/** The largest head that is run. */
const mostSize = 128;
/** Operands of a pass of the gradient, without those of masks. */
const mostOperands = 8;

/** All that the text of a pass depends on beside its masks. */
export interface PassShape {
  /** Elements of a head. */
  readonly size: number;
  /** Operands in memory: inputs, then outputs. */
  readonly operands: number;
  /** What workgroups and invocations have. */
  readonly tiles: AttentionTiles;
  /** Whether the last turn may have fewer rows. */
  readonly ragged: boolean;
}

/** The backend, as far as it matters here. */
export interface AttentionAdapter {
  /** Whether it computes on the CPU. */
  readonly software: boolean;
  /** What bounds workgroups and bindings. */
  readonly limits: Limits;
}

/** Whether what an operand lies in can be bound as a whole. */
function isBound({ buffer }: Bound, { maxStorageBufferBindingSize }: Limits): boolean {
  return buffer.bytes <= maxStorageBufferBindingSize;
}

/** Whether rows of heads are floats that are met four at a time, in memory that can be bound. */
function isWide(bound: Bound, { limits }: AttentionAdapter): boolean {
  const { dtype, offset, strides } = bound;
  return dtype === "f32" && strides.at(-1) === 1 &&
    [offset, ...strides.slice(0, -1)].every((step) => step % 4 === 0) &&
    isBound(bound, limits);
}

/** What decides about the tiles of a pass. */
export function attentionSizes({ pass, masks }: AttentionProgram, { space }: Binding) {
  const [batch, keyHeads, group, queries, keys, size] = space as Space;
  const whole = pass === "gradient";
  const byKeys = pass === "keys";
  return {
    pass,
    heads: batch * keyHeads * (byKeys || whole ? 1 : group),
    rows: whole ? Math.max(queries, keys) : byKeys ? keys : queries,
    size,
    drawsPairs: maskExpressions(masks).some(({ level }) => level === 3),
  } satisfies AttentionSizes;
}
type Space = [number, number, number, number, number, number];

/** Whether attention over these operands is run by one program. */
export function fitsOneProgram(
  program: AttentionProgram,
  binding: Binding,
  adapter: AttentionAdapter,
  policy: AttentionPolicy,
): boolean {
  const { space, inputs, outputs, scalars } = binding;
  const size = space[5]!;
  const all = [...inputs, ...outputs];
  const masks = inputs.slice(attentionInputs(program));
  // A forward pass whose gradient cannot run must not be taken.
  const passes = program.pass === "gradient"
    ? ["gradient"] as const
    : ["forward", "queries", "keys"] as const;
  // The largest product of a row is its largest score where the factor is above 0.
  return scalars[attentionScale]! > 0 && size % 8 === 0 && size <= mostSize &&
    space.every((length) => length > 0) &&
    masks.length + mostOperands <= adapter.limits.maxStorageBuffersPerShaderStage &&
    headOperands(program, inputs.length).every(([k]) => isWide(all[k]!, adapter)) &&
    masks.every((bound) => bound.dtype === "u32" && isBound(bound, adapter.limits)) &&
    passes.every((pass) =>
      hasTiles(attentionSizes({ ...program, pass }, binding), adapter, policy)
    );
}

/** Whether there are tiles for a pass; in one program they hold the whole of both sides. */
function hasTiles(
  sizes: AttentionSizes,
  adapter: AttentionAdapter,
  policy: AttentionPolicy,
): boolean {
  const tiles = policy(sizes, adapter);
  if (tiles === undefined || sizes.pass !== "gradient") return tiles !== undefined;
  return sizes.rows <= tiles.rows && tiles.rows === turnRows(tiles, sizes.size);
}

/** The shape of a pass over these operands. */
export function passShape(
  program: AttentionProgram,
  { space, inputs, outputs }: Binding,
  tiles: AttentionTiles,
): PassShape {
  const [, , , queries, keys, size] = space as Space;
  const passing = program.pass === "keys" ? queries : keys;
  return {
    size,
    operands: inputs.length + outputs.length,
    tiles,
    ragged: passing % turnRows(tiles, size) !== 0,
  };
}

/** Text that tells shapes apart. */
export function passKey({ size, tiles, ragged }: PassShape): string {
  const { rows, own, across, units, depth } = tiles;
  return [size, rows, own, across, units, depth, ragged].join("/");
}
