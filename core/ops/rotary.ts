/**
 * Rotary position embedding in the layout of Hugging Face's LLaMA: halves are rotated together.
 *
 * **Source**: Su et al. 2021, "RoFormer".
 *
 * @module
 */

import { apply } from "../apply.ts";
import { argumentsOf } from "../arguments.ts";
import { GradientError } from "../errors.ts";
import { input, scalar } from "../expr.ts";
import { firstOutOfRange, hasWords } from "../indices.ts";
import { type Op, resultType } from "../op.ts";
import { gather } from "./gather.ts";
import { reshape } from "./view.ts";
import { rowProgram } from "../program.ts";
import type { Device } from "../device.ts";
import { Value } from "../storage.ts";
import { concatenate, split } from "./slice.ts";
import { type Tensor, tensor } from "../tensor.ts";

/** `x·cos ± swapped·sin`, where `sin` carries the sign of each half. */
const program = (() => {
  const [x, swapped, cosine, sine] = [0, 1, 2, 3].map((slot) => input(slot, "f32", 3));
  const turned = swapped!.mul(sine!).mul(scalar(0, "f32"));
  return rowProgram(["f32", "f32", "f32", "f32"], [x!.mul(cosine!).add(turned)]);
})();

/** Rotates `[…, 2, half]` by the tables, or with -1 back: the gradient of one is the other. */
const rotateOp: Op<1 | -1> = {
  name: "rotate",
  takes: argumentsOf({ x: "f32", cosine: "f32", sine: "f32" }),
  launch(device, values, direction) {
    const [x, cosine, sine] = values as readonly [Value, Value, Value];
    const { shape, strides, offset } = x;
    const out = Value.allocate(device.backend, resultType(device, values, shape), shape, x.order);
    const own = x.bound();
    const halves = shape.length - 2;
    const swapped = strides.map((step, axis) => axis === halves ? -step : step);
    device.backend.run(program, {
      space: shape,
      inputs: [
        own,
        { ...own, strides: swapped, offset: offset + strides[halves]! },
        cosine.bound(shape),
        sine.bound(shape),
      ],
      outputs: [out.bound()],
      indices: [],
      scalars: [direction],
    });
    return [out];
  },
  vjp({ attributes: direction, needsGradient, input }, [g]) {
    if (needsGradient[1] || needsGradient[2]) {
      throw new GradientError("Cannot differentiate a rotation by its tables: use noGrad");
    }
    return [apply(rotateOp, [g!, input(1), input(2)], direction === 1 ? -1 : 1)[0]!];
  },
  saves: () => ({ inputs: [false, true, true], outputs: [false] }),
};

/** Tables of cosines and signed sines, one row a position. */
export interface RotaryTables {
  /** `[positions, size]`. */
  readonly cosine: Tensor;
  /** `[positions, size]`, negative in the first half. */
  readonly sine: Tensor;
}

/** How positions turn pairs of numbers. */
export interface Rotary {
  /** How many pairs there are. */
  readonly pairs: number;
  /** Radians a position of one pair, computed when it is asked for. */
  readonly frequency: (pair: number) => number;
  /** Factor of what is turned. */
  readonly factor: number;
}

/** Computes the tables in double precision on the host. */
export function rotaryTables(
  device: Device,
  positions: number,
  { pairs: half, frequency, factor }: Rotary,
): RotaryTables {
  const size = 2 * half;
  const cosine = new Float64Array(positions * size);
  const sine = new Float64Array(positions * size);
  const frequencies = Float64Array.from({ length: half }, (_, pair) => frequency(pair));
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      const at = position * size + i;
      cosine[at] = cosine[at + half] = factor * Math.cos(angle);
      sine[at + half] = factor * Math.sin(angle);
      sine[at] = -sine[at + half]!;
    }
  }
  return {
    cosine: tensor(device, cosine, [positions, size]),
    sine: tensor(device, sine, [positions, size]),
  };
}

/**
 * The tables where they reach the positions of a batch; else larger ones, of twice as many rows until
 * they do. The same scope owns those, and the former end. Beyond words that the host does not see they
 * reach all positions.
 *
 * @param positions `[batch, tokens]`
 * @param most Rows that suffice for all positions
 */
export function tablesReaching(
  tables: RotaryTables,
  rotary: Rotary,
  positions: Tensor,
  most: number,
): RotaryTables {
  const before = tables.cosine.shape[0]!;
  let rows = hasWords(positions.value) ? before : most;
  while (rows < most && firstOutOfRange(positions.value, rows) !== undefined) {
    rows = Math.min(most, 2 * rows);
  }
  if (rows === before) return tables;
  const larger = rotaryTables(tables.cosine.device, rows, rotary);
  for (const part of ["cosine", "sine"] as const) {
    const { scope } = tables[part];
    if (scope === undefined) larger[part].scope?.disown(larger[part]);
    else scope.adopt(larger[part]);
    tables[part][Symbol.dispose]();
  }
  return larger;
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

/**
 * Rotates `[batch, heads, tokens, size]` by what {@linkcode rotaryRows} gives; numbers behind those that
 * it has angles for stay as they are.
 */
export function rotate(x: Tensor, rows: RotaryTables): Tensor {
  const [size, turned] = [x.shape.at(-1)!, 2 * rows.cosine.shape.at(-1)!];
  if (turned < size) {
    const [first, rest] = split(x, -1, [turned, size - turned]) as [Tensor, Tensor];
    return concatenate([rotate(first, rows), rest], -1);
  }
  const halves = reshape(x, [...x.shape.slice(0, -1), 2, size / 2]);
  return reshape(apply(rotateOp, [halves, rows.cosine, rows.sine], 1)[0]!, x.shape);
}
