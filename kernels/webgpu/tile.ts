/**
 * How a tile comes from memory into workgroup memory: each invocation brings in blocks of 4 x 4,
 * so that it can write them as vectors in the order in which they are multiplied.
 *
 * @module
 */

import type { Dtype } from "../../core/dtype.ts";
import { elementAt } from "./shader.ts";

/** Text of an operand's step along an axis. */
export type Place = (operand: number, axis: number) => string;

/** A 4 x 4 block of a tile that one invocation brings in. */
export interface TilePart {
  /** Which operand's tile. */
  readonly name: "A" | "B";
  /** Its number. */
  readonly operand: 0 | 1;
  /** Suffix of the block's variables. */
  readonly id: string;
  /** Elements of the tile across the inner axis. */
  readonly width: number;
  /** Which invocations take part. */
  readonly guard: string;
  /** Number of the block. */
  readonly block: string;
  /** Blocks along the inner axis. */
  readonly innerBlocks: number;
  /** Whether the inner axis is contiguous in memory. */
  readonly unitInner: boolean;
}

/** The blocks of one operand's tile that each invocation brings in. */
export function tileParts(
  name: "A" | "B",
  operand: 0 | 1,
  width: number,
  bk: number,
  threads: number,
  unitInner: boolean,
): TilePart[] {
  const blocks = (width / 4) * (bk / 4);
  return Array.from({ length: Math.ceil(blocks / threads) }, (_, part) => ({
    name,
    operand,
    id: `${name}${part}`,
    width,
    guard: `t < ${Math.min(threads, blocks - part * threads)}`,
    block: `(t + ${part * threads})`,
    innerBlocks: bk / 4,
    unitInner,
  }));
}

/** Where a block lies, and the registers that hold it. */
export function declarePart(part: TilePart, place: Place, rank: number, limit: string): string[] {
  const { id, operand, block, width, innerBlocks, unitInner } = part;
  const [outerAxis, innerAxis] = operand === 0 ? [rank, rank + 1] : [rank + 1, rank];
  // Neighbouring invocations read along the axis that is contiguous in memory.
  const [inner, outer] = unitInner
    ? [`${block} % ${innerBlocks}`, `${block} / ${innerBlocks}`]
    : [`${block} / ${width / 4}`, `${block} % ${width / 4}`];
  return [
    `let k${id} = ${inner}; let o${id} = ${outer};`,
    `let e${id} = ${operand === 0 ? "m0" : "n0"} + o${id} * 4; let l${id} = ${limit} - e${id};`,
    `let so${id} = ${place(operand, outerAxis)}; let si${id} = ${place(operand, innerAxis)};`,
    `let p${id} = q${operand} + e${id} * so${id};`,
    ...[0, 1, 2, 3].map((c) => `var r${id}_${c}: vec4<f32>;`),
  ];
}

/** Reads a block at depth `k0` into its registers; what lies outside is zero. */
export function fetchPart({ id, operand }: TilePart, k0: string, dtype: Dtype): string[] {
  const lines = ["{", `let i = ${k0} + k${id} * 4; let p = p${id} + i * si${id};`];
  for (let c = 0; c < 4; c++) {
    const four = [0, 1, 2, 3].map((r) => {
      const element = elementAt(operand, dtype, `p + ${r} * so${id} + ${c} * si${id}`);
      return `select(0.0, ${element}, ${r} < l${id} && i + ${c} < depth)`;
    });
    lines.push(`r${id}_${c} = vec4<f32>(${four.join(",\n  ")});`);
  }
  return [...lines, "}"];
}
