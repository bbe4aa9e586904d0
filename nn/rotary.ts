/**
 * Rotary position embedding in the layout of Hugging Face's LLaMA: halves are rotated together.
 *
 * **Source**: Su et al. 2021, "RoFormer".
 *
 * @module
 */

import { apply } from "../core/apply.ts";
import { elementwise } from "../core/ops/elementwise.ts";
import { gather } from "../core/ops/gather.ts";
import type { RowOp } from "../core/ops/rowwise.ts";
import { flip, reshape } from "../core/ops/view.ts";
import type { Device } from "../core/storage.ts";
import { type Tensor, tensor } from "../core/tensor.ts";

/** `x·cos + swapped·sin`, where `sin` carries the sign of each half. */
export const rotateOp: RowOp = elementwise(
  "rotate",
  4,
  (x, swapped, cosine, sine) => x!.mul(cosine!).add(swapped!.mul(sine!)),
);

/** Tables of cosines and signed sines, one row a position. */
export interface RotaryTables {
  /** `[positions, size]`. */
  readonly cosine: Tensor;
  /** `[positions, size]`, negative in the first half. */
  readonly sine: Tensor;
}

/** Computes the tables in double precision on the host. */
export function rotaryTables(
  device: Device,
  positions: number,
  size: number,
  theta: number,
): RotaryTables {
  const cosine = new Float64Array(positions * size);
  const sine = new Float64Array(positions * size);
  const half = size / 2;
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * theta ** (-2 * i / size);
      const at = position * size + i;
      cosine[at] = cosine[at + half] = Math.cos(angle);
      sine[at] = -Math.sin(angle);
      sine[at + half] = Math.sin(angle);
    }
  }
  return {
    cosine: tensor(device, cosine, [positions, size]),
    sine: tensor(device, sine, [positions, size]),
  };
}

/**
 * Rows of the tables for a batch, cut into halves: `[batch, tokens] -> [batch, 1, tokens, 2,
 * size / 2]` each.
 */
export function rotaryRows(tables: RotaryTables, positions: Tensor): RotaryTables {
  const [batch, tokens] = positions.shape as [number, number];
  const rows = (table: Tensor) =>
    reshape(gather(table, positions), [batch, 1, tokens, 2, table.shape[1]! / 2]);
  return { cosine: rows(tables.cosine), sine: rows(tables.sine) };
}

/** Rotates `[batch, heads, tokens, size]` by what {@linkcode rotaryRows} gives. */
export function rotate(x: Tensor, { cosine, sine }: RotaryTables): Tensor {
  const halves = reshape(x, [...x.shape.slice(0, -1), 2, x.shape.at(-1)! / 2]);
  const rotated = apply(rotateOp, [halves, flip(halves, -2), cosine, sine], {})[0]!;
  return reshape(rotated, x.shape);
}
