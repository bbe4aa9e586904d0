/**
 * What every backend's attention in one program shares: which operands hold rows of heads, the parts of
 * the masks as bits, and what the forward pass leaves of each row for the gradient.
 *
 * @module
 */

import { topological } from "../../core/expr.ts";
import {
  attentionFactor,
  type AttentionMasks,
  type AttentionProgram,
  attentionScale,
  maskExpressions,
} from "../../core/program.ts";
import { slotsUsed } from "./slots.ts";

/** Axes of a tensor with rows of heads, in the space `[batch, keyHeads, group, queries, keys, size]`. */
export const queryAxis = 3;
export const keyAxis = 4;

/** Axes along which operands step: all but the last one of the space. */
export const stepAxes = 5;

/** Positions of the operands that hold rows of heads, with the axis along which these lie. */
export function headOperands(
  { pass }: AttentionProgram,
  inputs: number,
): readonly (readonly [operand: number, axis: number])[] {
  const all: (readonly [number, number])[] = [[0, queryAxis], [1, keyAxis], [2, keyAxis]];
  if (pass === "forward") return [...all, [inputs, queryAxis]];
  all.push([3, queryAxis]);
  if (pass === "gradient") {
    return [...all, [inputs, queryAxis], [inputs + 1, keyAxis], [inputs + 2, keyAxis]];
  }
  if (pass === "queries") return [...all, [5, queryAxis], [inputs, queryAxis]];
  return [...all, [inputs, keyAxis], [inputs + 1, keyAxis]];
}

/** Bits of a key's word: it is not seen, dropped before the softmax, dropped after it. */
export const maskBits = { visible: 1, scores: 2, weights: 4 } as const;
/** A part of the masks. */
export type MaskPart = keyof typeof maskBits;

/** Bits that rows test at first: those of a mask that a row ignores are cleared. */
export const allTests = 7;

/** Where a mask does not let a row lose everything. */
export function fallbacks({ scores, weights, rest }: AttentionMasks): readonly MaskPart[] {
  return [
    ...(scores === undefined ? [] : ["scores" as const]),
    ...(weights === undefined || rest === "factor" ? [] : ["weights" as const]),
  ];
}

/** Whether the gradient reads weights from before the drop beside those that are used. */
export function hasTwoSums({ weights, rest }: AttentionMasks): boolean {
  return weights !== undefined && rest === "constant sum";
}

/**
 * Values of a row: largest score and reciprocal sum of the weights that are used, bits of the masks that
 * it tests, largest score and reciprocal sum before weights were dropped.
 */
export type RowValue = "peak" | "reciprocal" | "tests" | "peakBefore" | "reciprocalBefore";

/** Those that masks need, in their order. */
export function rowValuesOf(masks: AttentionMasks): RowValue[] {
  return [
    "peak",
    "reciprocal",
    ...(fallbacks(masks).length > 0 ? ["tests" as const] : []),
    ...(hasTwoSums(masks) ? ["peakBefore" as const, "reciprocalBefore" as const] : []),
  ];
}

/** Slots of the numbers that a pass is given. */
export function attentionSlots({ masks }: AttentionProgram) {
  const nodes = topological(maskExpressions(masks));
  const used = Math.max(slotsUsed(nodes, "scalar"), attentionScale + 1);
  const factor = masks.weights !== undefined && masks.rest === "factor";
  const scalars = new Array<string>(factor ? Math.max(used, attentionFactor + 1) : used).fill(
    "u32",
  );
  for (const e of nodes) if (e.op === "scalar") scalars[e.attribute] = e.kind;
  scalars[attentionScale] = "f32";
  if (factor) scalars[attentionFactor] = "f32";
  return { scalars, indices: slotsUsed(nodes, "index") };
}
