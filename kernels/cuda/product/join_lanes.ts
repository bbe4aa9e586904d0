/**
 * Joining many sums across the lanes of a warp: in each step lanes exchange half of what they have, so
 * that in the end each has the whole of a few.
 *
 * @module
 */

import type { PtxText } from "../ptx/text.ts";
import { warp } from "../row/row_shape.ts";

/** Whole sums of a lane. */
export interface JoinedLanes {
  /** Registers of the sums, neighbours from the index on. */
  readonly values: readonly string[];
  /** Register of the first one's place among all. */
  readonly index: string;
  /** Predicate of the lane that is to hand them on, where several have the same. */
  readonly first: string;
}

/**
 * Joins the sums of lanes whose numbers are equal modulo `groups`.
 *
 * @param sums Registers, a power of two of them
 * @param groups A power of two
 */
export function joinLanes(
  text: PtxText,
  lane: string,
  sums: readonly string[],
  groups: number,
): JoinedLanes {
  let values = [...sums];
  const index = text.into("b32", "mov.u32", 0);
  let alone = 0;
  for (let step = warp / 2; step >= groups; step /= 2) {
    if (values.length === 1) {
      const other = text.into("f32", "shfl.sync.bfly.b32", values[0]!, step, 31, "0xffffffff");
      values = [text.into("f32", "add.rn.f32", values[0]!, other)];
      alone |= step;
      continue;
    }
    const bit = text.into("b32", "and.b32", lane, step);
    const upper = text.into("pred", "setp.ne.u32", bit, 0);
    const half = values.length / 2;
    values = values.slice(0, half).map((low, i) => {
      const high = values[half + i]!;
      const given = text.into("f32", "selp.f32", low, high, upper);
      const kept = text.into("f32", "selp.f32", high, low, upper);
      const other = text.into("f32", "shfl.sync.bfly.b32", given, step, 31, "0xffffffff");
      return text.into("f32", "add.rn.f32", kept, other);
    });
    const own = text.into("b32", "selp.b32", half, 0, upper);
    text.add(`add.u32 ${index}, ${index}, ${own}`);
  }
  const same = text.into("b32", "and.b32", lane, alone);
  return { values, index, first: text.into("pred", "setp.eq.u32", same, 0) };
}
